/**
 * The public API of manyhands.
 */
export type {
  Connection,
  JoinableQueue,
  PipeEndState,
  PipeOptions,
  PipeState,
  Queue,
  QueueOptions,
  QueueState,
  SimpleQueue,
  Waitable,
} from "./channels/index.ts";
export type { RedisConfig } from "./connection/redis-config.ts";
export type {
  ArrayContents,
  ArrayProxy,
  ContainerKind,
  ContainerState,
  DictEntries,
  DictProxy,
  ListProxy,
  Maker,
  ManagedOptions,
  Manager,
  NamespaceProxy,
  RegisteredObject,
  RegisteredProxy,
  RegisterOptions,
  RemoteMethods,
  SetProxy,
  SortOptions,
  TypeCode,
  TypedInput,
  TypedSnapshot,
  TypedValue,
  ValueOptions,
  ValueProxy,
  WriteOptions,
} from "./containers/index.ts";
export { registerType } from "./containers/registered/registered-types.ts";
export { type ConnectOptions, connect } from "./context/connect.ts";
export type { Context } from "./context/context.ts";
export { currentContext } from "./context/current-context.ts";
export {
  AssertionError,
  AttributeError,
  BrokenBarrierError,
  BrokenPipeError,
  BufferTooShortError,
  CancelledError,
  ClosedError,
  EndOfFileError,
  type ErrorClass,
  IndexError,
  KeyError,
  LockLostError,
  type LockLostReason,
  ManagerClosedError,
  ManyhandsError,
  type ManyhandsErrorOptions,
  PayloadTooLargeError,
  PoolClosedError,
  PoolTerminatedError,
  ProcessLostError,
  QueueClosedError,
  QueueEmptyError,
  QueueFullError,
  type RedisState,
  RedisUnfitError,
  RemoteError,
  type RemoteOrigin,
  registerError,
  SerializationError,
  StateLostError,
  TaskNotFoundError,
  TimeoutError,
  UnreadableRecordError,
  ValidationError,
  ValueError,
  WorkerLostError,
} from "./errors/index.ts";
export type {
  CancelOutcome,
  ErrorView,
  NewPool,
  PoolRemoval,
  PoolView,
  RetryOutcome,
  TaskFilter,
  TaskRow,
  TaskState,
  TaskView,
  UnitView,
} from "./inspection/index.ts";
export type {
  FleetInspector,
  InPool,
  PoolInspector,
  ProcessInspector,
  TaskInspector,
  TaskLog,
} from "./inspector/index.ts";
export type { LogFacts, Logger } from "./logger/logger.ts";
export type { Holding, ObjectInspector, ObjectPlace, ObjectView } from "./object-inspection/index.ts";
export type { Participant } from "./objects/index.ts";
export type {
  AsyncResult,
  Callbacks,
  ImapCallOptions,
  ImapIterator,
  ItemErrors,
  ItemOutcome,
  Items,
  MapOptions,
  Pool,
  PoolOptions,
} from "./pool/index.ts";
export { currentProcess, parentProcess } from "./process/current-process.ts";
export type { EndingOutcome } from "./process/index.ts";
export type { ParentProcess } from "./process/parent-process.ts";
export { Process, type ProcessClass, type ProcessOptions } from "./process/process.ts";
export { registerProcess } from "./process/register-process.ts";
export type { Sentinel } from "./process/sentinel.ts";
export type { ProcessRecord, ProcessState } from "./protocol/process.ts";
export type { Placement } from "./protocol/process-queues.ts";
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
