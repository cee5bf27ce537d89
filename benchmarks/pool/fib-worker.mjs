import { isMainThread } from "node:worker_threads";
import workerpool from "workerpool";

function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export default fib;
if (!isMainThread) workerpool.worker({ fib });
