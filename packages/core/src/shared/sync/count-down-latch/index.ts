export {
  CountDownLatch,
  type CountDownLatchOptions,
  type CountDownLatchState,
  createCountDownLatch,
  readCountDownLatch,
} from "./count-down-latch.ts";
export { LATCH_KIND } from "./latch-scripts.ts";
