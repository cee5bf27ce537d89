export {
  Barrier,
  type BarrierAction,
  type BarrierOptions,
  type BarrierState,
  createBarrier,
} from "./barrier.ts";
export { BARRIER_KIND } from "./barrier-kind.ts";
