/**
 * The public API of manyhands.
 */
export type { JoinableQueue, Queue, QueueOptions, QueueState, SimpleQueue } from "./channels/index.ts";
export type { RedisConfig } from "./connection/redis-config.ts";
export { type ConnectOptions, connect } from "./context/connect.ts";
export type { Context } from "./context/context.ts";
export { currentContext } from "./context/current-context.ts";
export {
  AssertionError,
  BrokenBarrierError,
  CancelledError,
  ClosedError,
  type ErrorClass,
  LockLostError,
  type LockLostReason,
  ManyhandsError,
  type ManyhandsErrorOptions,
  PayloadTooLargeError,
  PoolClosedError,
  PoolTerminatedError,
  QueueClosedError,
  QueueEmptyError,
  QueueFullError,
  RedisUnfitError,
  RemoteError,
  type RemoteOrigin,
  registerError,
  SerializationError,
  StateLostError,
  TaskNotFoundError,
  TimeoutError,
  ValidationError,
  ValueError,
  WorkerLostError,
} from "./errors/index.ts";
export type { Logger } from "./logger/logger.ts";
export type { Participant } from "./objects/index.ts";
export type {
  AsyncResult,
  Callbacks,
  ImapCallOptions,
  ImapIterator,
  Items,
  MapOptions,
  Pool,
  PoolOptions,
} from "./pool/index.ts";
export type { HostRecord, Isolation, Milliseconds, PoolRecord } from "./protocol/records.ts";
export type { SubmitOptions } from "./submission/submit-options.ts";
export type {
  Barrier,
  BarrierAction,
  BarrierOptions,
  BarrierState,
  BoundedSemaphore,
  Condition,
  ConditionOptions,
  ConditionState,
  CountDownLatch,
  CountDownLatchOptions,
  CountDownLatchState,
  Event,
  EventOptions,
  EventState,
  HeldLock,
  HeldPermits,
  HeldRLock,
  HeldShare,
  Lock,
  LockOptions,
  LockState,
  LockTicket,
  PermitOptions,
  ReadWriteLock,
  ReadWriteLockOptions,
  ReadWriteLockSide,
  ReadWriteLockState,
  RLock,
  Semaphore,
  SemaphoreOptions,
  SemaphoreState,
} from "./sync/index.ts";
export { withOwner } from "./sync/index.ts";
export {
  type AnyTask,
  type Backoff,
  type CurrentTask,
  currentTask,
  type Task,
  type TaskOptions,
  type TaskResult,
  task,
} from "./tasks/index.ts";
export type { BlockOptions, Patience, WaitOptions } from "./waiting/index.ts";
