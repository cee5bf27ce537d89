import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

export const compute = task("cpu-vs-io.compute", (n: number) => noted(() => fibonacci(n)));

export const waitFor = task("cpu-vs-io.waitFor", (milliseconds: number) => noted(() => sleep(milliseconds)));
