/** Facts that every error of manyhands can carry besides its message. */
export interface ManyhandsErrorOptions {
  cause?: unknown;
}

/** Tells our errors from others also where the package is loaded twice. */
export const MANYHANDS_ERROR: symbol = Symbol.for("manyhands.error");

/** Root of all errors thrown by manyhands; branch on the class or on `code`, never on the text. */
export class ManyhandsError extends Error {
  /** Stable identifier of the kind of error, for example `ERR_TIMEOUT`. */
  readonly code: string = "ERR_MANYHANDS";

  constructor(message: string, options?: ManyhandsErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

Object.defineProperty(ManyhandsError.prototype, MANYHANDS_ERROR, { value: true });

/** A wait or a time limit ended before the thing waited for happened. */
export class TimeoutError extends ManyhandsError {
  override readonly code = "ERR_TIMEOUT";
}

/** An argument or option has a value that can never be right (Python's ValueError). */
export class ValueError extends ManyhandsError {
  override readonly code = "ERR_VALUE";
}

/** Arguments do not fit the task's schema. */
export class ValidationError extends ManyhandsError {
  override readonly code = "ERR_VALIDATION";
}

/** A value cannot be sent to another process; `path` names the place, such as `args[1].socket`. */
export class SerializationError extends ManyhandsError {
  override readonly code = "ERR_SERIALIZATION";
  readonly path: string;

  constructor(message: string, options: ManyhandsErrorOptions & { path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/** An encoded payload is larger than `maxPayload` (bytes). */
export class PayloadTooLargeError extends ManyhandsError {
  override readonly code = "ERR_PAYLOAD_TOO_LARGE";
}

/** No task of that name is known where it should be. */
export class TaskNotFoundError extends ManyhandsError {
  override readonly code = "ERR_TASK_NOT_FOUND";
}

/** What was used had been closed before: a context with all that was made by it, a connection, a pool, a manager. */
export class ClosedError extends ManyhandsError {
  override readonly code: string = "ERR_CLOSED";
}

/** Work was submitted to a pool that has been closed or terminated (Python's "Pool not running"). */
export class PoolClosedError extends ClosedError {
  override readonly code = "ERR_POOL_CLOSED";
}

/** The pool was terminated, or failed, before this call had a result. */
export class PoolTerminatedError extends ManyhandsError {
  override readonly code = "ERR_POOL_TERMINATED";
}

/** The child or host that ran the task went away before it answered. */
export class WorkerLostError extends ManyhandsError {
  override readonly code = "ERR_WORKER_LOST";
}

/** The task was cancelled before it had a result. */
export class CancelledError extends ManyhandsError {
  override readonly code = "ERR_CANCELLED";
}

/** Redis no longer holds what it acknowledged: it was flushed, restored or lost its data. */
export class StateLostError extends ManyhandsError {
  override readonly code = "ERR_STATE_LOST";
}

/**
 * Why a lock is no longer held. `deadline`: by this process' own clock its lease may be over, whatever Redis says;
 * `refused`: Redis says that it is free or somebody else's.
 */
export type LockLostReason = "deadline" | "refused";

/** A lock or permit is not held, or no longer: its lease ended, it was taken away, or somebody else has it. */
export class LockLostError extends ManyhandsError {
  override readonly code = "ERR_LOCK_LOST";
  readonly reason: LockLostReason;

  constructor(message: string, options: ManyhandsErrorOptions & { reason?: LockLostReason } = {}) {
    super(message, options);
    this.reason = options.reason ?? "refused";
  }
}

/** A barrier was aborted, reset or given up by one of its parties (Python's BrokenBarrierError). */
export class BrokenBarrierError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_BARRIER";
}

/** Nothing was in the queue in time (Python's queue.Empty). */
export class QueueEmptyError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_EMPTY";
}

/** The queue was full for too long (Python's queue.Full). */
export class QueueFullError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_FULL";
}

/** The queue was shut down (Python's queue.ShutDown). */
export class QueueClosedError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_CLOSED";
}

/** Everything is read, and nobody is left who could send more (Python's EOFError). */
export class EndOfFileError extends ManyhandsError {
  override readonly code = "ERR_END_OF_FILE";
}

/** Nobody is left who could receive what is sent (Python's BrokenPipeError). */
export class BrokenPipeError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_PIPE";
}

/** A message is larger than the buffer that it was to be put into; here it is (Python's BufferTooShort). */
export class BufferTooShortError extends ManyhandsError {
  override readonly code = "ERR_BUFFER_TOO_SHORT";
  readonly bytes: Uint8Array;

  constructor(message: string, options: ManyhandsErrorOptions & { bytes: Uint8Array }) {
    super(message, options);
    this.bytes = options.bytes;
  }
}

/**
 * A rule of use was broken, such as notifying a condition without holding its lock, or starting a process twice (Python's
 * AssertionError).
 */
export class AssertionError extends ManyhandsError {
  override readonly code = "ERR_ASSERTION";
}

/** A key that is not in the dict, or an item that is not in the set (Python's KeyError). */
export class KeyError extends ManyhandsError {
  override readonly code = "ERR_KEY";
}

/** An index outside the list or array (Python's IndexError). */
export class IndexError extends ManyhandsError {
  override readonly code = "ERR_INDEX";
}

/** A name that a namespace, or another object, does not have (Python's AttributeError). */
export class AttributeError extends ManyhandsError {
  override readonly code = "ERR_ATTRIBUTE";
}

/** The manager of what was used was shut down, or its maker has ended. */
export class ManagerClosedError extends ClosedError {
  override readonly code = "ERR_MANAGER_CLOSED";
}

/**
 * What a Redis says that cannot be used as it is, or not by this user: the first word of its refusals. `CHANNELS`: the user
 * may use no channels (`NOPERM` in Redis' own words).
 */
export type RedisState =
  | "OOM"
  | "MISCONF"
  | "READONLY"
  | "NOREPLICAS"
  | "LOADING"
  | "BUSY"
  | "MASTERDOWN"
  | "CLUSTERDOWN"
  | "CROSSSLOT"
  | "NOPERM"
  | "CHANNELS"
  | "NOAUTH"
  | "WRONGPASS";

/**
 * Redis cannot be reached, refused the credentials or a command, or is not fit for use (full, read-only, too old, evicting).
 */
export class RedisUnfitError extends ManyhandsError {
  override readonly code = "ERR_REDIS_UNFIT";
  /** The state in which Redis refuses; undefined when it is another reason, such as that it cannot be reached. */
  readonly state: RedisState | undefined;

  constructor(message: string, options: ManyhandsErrorOptions & { state?: RedisState } = {}) {
    super(message, options);
    this.state = options.state;
  }
}

/** Nobody can say how a process ended: its host died, or Redis lost what it knew of it. `Process.lost` holds one. */
export class ProcessLostError extends ManyhandsError {
  override readonly code = "ERR_PROCESS_LOST";
}

/**
 * A task's error whose class the caller does not know (see `registerError`); `name` is the original class name, and
 * the original's own properties are here too. Also stands for a thrown value that is not an Error.
 */
export class RemoteError extends ManyhandsError {
  /** The original's `code`, where it had one. */
  override readonly code: string = "ERR_REMOTE";
  /** Stack of the process that threw. Every error from a task has this property and the next three. */
  declare readonly remoteStack: string;
  /** Name of the worker host that threw. */
  declare readonly host: string;
  declare readonly pid: number;
  /** Absent where the error did not come from a task. */
  declare readonly taskId?: string;
  /** What was thrown, if it was not an Error and could be sent. */
  declare readonly thrown?: unknown;
}

/** What is stored under a name in Redis is not a record, or one of a newer version. The message names the key and what to do. */
export class UnreadableRecordError extends ManyhandsError {
  override readonly code = "ERR_UNREADABLE_RECORD";
}
