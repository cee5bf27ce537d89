export { Existence } from "../object/existence.ts";
export {
  BARRIER_KIND,
  Barrier,
  type BarrierAction,
  type BarrierOptions,
  type BarrierState,
  createBarrier,
} from "./barrier/index.ts";
export {
  CONDITION_KIND,
  Condition,
  type ConditionOptions,
  type ConditionState,
  createCondition,
} from "./condition/index.ts";
export {
  COUNT_DOWN_LATCH_KIND,
  CountDownLatch,
  type CountDownLatchOptions,
  type CountDownLatchState,
  createCountDownLatch,
} from "./count-down-latch/index.ts";
export { createEvent, EVENT_KIND, Event, type EventOptions, type EventState } from "./event/index.ts";
export {
  checkLease,
  createLock,
  HeldLock,
  LOCK_KIND,
  Lock,
  type LockOptions,
  type LockState,
  type LockTicket,
} from "./lock/index.ts";
export {
  createRateLimiter,
  RATE_LIMITER_KIND,
  RateLimiter,
  type RateLimiterSettings,
  type RateLimiterState,
  RateLimiterTurn,
} from "./rate-limiter/index.ts";
export {
  createReadWriteLock,
  HeldShare,
  READ_WRITE_LOCK_KIND,
  ReadWriteLock,
  type ReadWriteLockOptions,
  ReadWriteLockSide,
  type ReadWriteLockState,
} from "./read-write-lock/index.ts";
export { createRLock, HeldRLock, RLOCK_KIND, RLock, withOwner } from "./rlock/index.ts";
export {
  type BoundedSemaphore,
  createSemaphore,
  HeldPermits,
  type PermitOptions,
  SEMAPHORE_KIND,
  Semaphore,
  type SemaphoreOptions,
  type SemaphoreState,
} from "./semaphore/index.ts";
