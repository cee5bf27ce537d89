export { HeldPermits } from "./held-permits.ts";
export {
  BoundedSemaphore,
  createSemaphore,
  type PermitOptions,
  Semaphore,
  type SemaphoreOptions,
} from "./semaphore.ts";
export { SEMAPHORE_KIND } from "./semaphore-kind.ts";
export type { SemaphoreState } from "./semaphore-state.ts";
