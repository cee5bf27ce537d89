/**
 * The public API of manyhands.
 *
 * @module
 */

export { type ConnectOptions, connect } from "./context/connect.ts";
export type { Context } from "./context/context.ts";
export { currentContext } from "./context/current-context.ts";
export { type CurrentTask, currentTask } from "./context/current-task.ts";
export {
  AssertionError,
  AttributeError,
  BrokenBarrierError,
  BrokenPipeError,
  BufferTooShortError,
  CancelledError,
  ClosedError,
  DetachedError,
  EndOfFileError,
  type ErrorClass,
  ExpiredError,
  IndexError,
  KeyError,
  LockLostError,
  type LockLostReason,
  ManagerClosedError,
  ManyhandsError,
  type ManyhandsErrorOptions,
  NonRetryableError,
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
  TaskUnknownError,
  TimeoutError,
  UnreadableRecordError,
  ValidationError,
  ValueError,
  WorkerLostError,
} from "./errors/index.ts";
export type {
  BulkChange,
  BulkOptions,
  BulkOutcome,
  BulkProgress,
  BulkRefusal,
  DrainOptions,
  FindOrder,
  FindState,
  FleetInspector,
  FoundTask,
  FoundTasks,
  HostAnswerOptions,
  InPool,
  PartsPage,
  PoolInspector,
  ProcessInspector,
  TaskInspector,
  TaskLog,
  TaskQuery,
  TaskSelection,
  WorkflowInspector,
  WorkflowPage,
  WorkflowQuery,
} from "./inspection/index.ts";
export type { ObjectInspector, ObjectPlace, ObjectView } from "./inspection/objects/index.ts";
export type {
  DurationFigures,
  LineLevel,
  LinesQuery,
  NewPool,
  PoolCourse,
  PoolHindrance,
  PoolRates,
  PoolView,
  RatesQuery,
  TaskFigures,
  TaskFilter,
  TaskLine,
  TaskLines,
  TaskRateRow,
  TaskRates,
} from "./inspection/work/index.ts";
export type { LogFacts, Logger } from "./package/index.ts";
export type { RedisConfig } from "./redis/connection/redis-config.ts";
export type {
  Connection,
  JoinableQueue,
  PipeEndState,
  PipeOptions,
  PipeState,
  PutOptions,
  PutPatience,
  Queue,
  QueueOptions,
  QueueState,
  SimpleQueue,
  Waitable,
} from "./shared/channels/index.ts";
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
} from "./shared/containers/index.ts";
export { registerType } from "./shared/containers/registered/registered-types.ts";
export type { Holding, Participant } from "./shared/object/index.ts";
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
  RateLimiter,
  RateLimiterSettings,
  RateLimiterState,
  RateLimiterTurn,
  ReadWriteLock,
  ReadWriteLockOptions,
  ReadWriteLockSide,
  ReadWriteLockState,
  RLock,
  Semaphore,
  SemaphoreOptions,
  SemaphoreState,
} from "./shared/sync/index.ts";
export { withOwner } from "./shared/sync/index.ts";
export {
  type AnyCanvas,
  type AnyInput,
  type AnyTask,
  type Backoff,
  type BackoffFunction,
  type Canvas,
  type CanvasInput,
  type CanvasResult,
  type DeadTask,
  type FatalErrors,
  type GivenArgs,
  type InputFor,
  type Signature,
  type StepOptions,
  signature,
  type Task,
  type TaskOptions,
  type TaskResult,
  task,
} from "./tasks/index.ts";
export type { BlockOptions, Milliseconds, Patience, WaitOptions } from "./time/index.ts";
export type { TraceMode } from "./tracing/index.ts";
export type { Keep, KeepRule } from "./wire/records/keep.ts";
export type { LimitRule, Limits } from "./wire/records/limits.ts";
export type { ProcessRecord, ProcessState } from "./wire/records/process.ts";
export type { Placement } from "./wire/records/process-queues.ts";
export type { Rate, RateKind } from "./wire/records/rate.ts";
export type { HostRecord, HostTrouble, Isolation, PoolRecord, StopStep } from "./wire/records/records.ts";
export type { GoneHost, HostLogLine, HostLogLines, HostLogQuery, KnownTask } from "./work/fleet/index.ts";
export type {
  AsyncResult,
  Callbacks,
  Completable,
  Completed,
  CompletedValue,
  ImapCallOptions,
  ImapIterator,
  ItemErrors,
  ItemOutcome,
  Items,
  MapOptions,
  Pool,
  PoolOptions,
  PoolRemoval,
} from "./work/pool/index.ts";
export { currentProcess, parentProcess } from "./work/process/current-process.ts";
export type { EndingOutcome } from "./work/process/index.ts";
export type { ParentProcess } from "./work/process/parent-process.ts";
export { Process, type ProcessClass, type ProcessOptions } from "./work/process/process.ts";
export { registerProcess } from "./work/process/register-process.ts";
export type { Sentinel } from "./work/process/sentinel.ts";
export type { ErrorGroup } from "./work/rollups/index.ts";
export type {
  DefinedSchedules,
  Missed,
  Overlap,
  ScheduleEntry,
  ScheduleOptions,
  ScheduleRun,
  Schedules,
  ScheduleView,
} from "./work/schedules/index.ts";
export { defineSchedules } from "./work/schedules/index.ts";
export type {
  CancelOutcome,
  ChangeOutcome,
  ErrorView,
  HeldBack,
  HeldBackInTurn,
  PromoteOutcome,
  RemoveOutcome,
  RetryOutcome,
  StepCounts,
  TaskChange,
  TaskHandle,
  TaskRow,
  TaskState,
  TaskUpdate,
  TaskView,
  TreeOptions,
  TryView,
  UnitView,
  UpdateOptions,
  WorkflowCancelOutcome,
  WorkflowPart,
  WorkflowRemoveOutcome,
  WorkflowRetryOutcome,
  WorkflowRow,
  WorkflowStatus,
  WorkflowTree,
} from "./work/submission/index.ts";
export type { SubmitOptions } from "./work/submission/submit-options.ts";
export {
  type Chain,
  chain,
  chord,
  type FailedWorkflow,
  type Group,
  type GroupOptions,
  group,
  type Linked,
  type Outcomes,
  type Results,
  type WorkflowOptions,
} from "./work/workflows/index.ts";
