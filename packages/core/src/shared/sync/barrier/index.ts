export {
  Barrier,
  type BarrierAction,
  type BarrierOptions,
  type BarrierSettings,
  type BarrierState,
  createBarrier,
  readBarrier,
} from "./barrier.ts";
export { BARRIER_KIND } from "./barrier-scripts.ts";
