export { Existence } from "../object/existence.ts";
export {
  Barrier,
  type BarrierAction,
  type BarrierOptions,
  type BarrierState,
  createBarrier,
  readBarrier,
} from "./barrier/index.ts";
export {
  Condition,
  type ConditionOptions,
  type ConditionState,
  createCondition,
  readCondition,
} from "./condition/index.ts";
export {
  CountDownLatch,
  type CountDownLatchOptions,
  type CountDownLatchState,
  createCountDownLatch,
  readCountDownLatch,
} from "./count-down-latch/index.ts";
export { createEvent, Event, type EventOptions, type EventState, readEvent } from "./event/index.ts";
export { SYNC_KINDS } from "./kinds.ts";
export {
  checkLease,
  createLock,
  HeldLock,
  Lock,
  type LockOptions,
  type LockState,
  type LockTicket,
  readLock,
} from "./lock/index.ts";
export { openObject } from "./open-object.ts";
export {
  createReadWriteLock,
  type HeldShare,
  type ReadWriteLock,
  type ReadWriteLockOptions,
  ReadWriteLockSide,
  type ReadWriteLockState,
  readReadWriteLock,
} from "./read-write-lock/index.ts";
export { createRLock, type HeldRLock, RLock, readRLock, withOwner } from "./rlock/index.ts";
export {
  type BoundedSemaphore,
  createSemaphore,
  type HeldPermits,
  type PermitOptions,
  readSemaphore,
  Semaphore,
  type SemaphoreOptions,
  type SemaphoreState,
} from "./semaphore/index.ts";
