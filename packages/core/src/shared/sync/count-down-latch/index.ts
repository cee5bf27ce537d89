export {
  CountDownLatch,
  type CountDownLatchOptions,
  type CountDownLatchState,
  createCountDownLatch,
} from "./count-down-latch.ts";
export { COUNT_DOWN_LATCH_KIND } from "./count-down-latch-kind.ts";
