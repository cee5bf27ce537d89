/** Facts that every error of manyhands can carry besides its message. */
export interface ManyhandsErrorOptions {
  cause?: unknown;
}

/** Tells our errors from others also where the package is loaded twice. */
export const MANYHANDS_ERROR: symbol = Symbol.for("manyhands.error");

/**
 * Root of all errors thrown by manyhands; branch on the class or on `code`, never on the text.
 *
 * @cause The base class of all errors below; it is not thrown by itself.
 * @remedy Use it to tell errors of manyhands from others: `error instanceof ManyhandsError`.
 */
export class ManyhandsError extends Error {
  /** Stable identifier of the kind of error, for example `ERR_TIMEOUT`. */
  readonly code: string = "ERR_MANYHANDS";

  constructor(message: string, options?: ManyhandsErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

Object.defineProperty(ManyhandsError.prototype, MANYHANDS_ERROR, { value: true });

/**
 * A wait or a time limit ended before the thing waited for happened.
 *
 * @cause A wait, a call or a task reached its `timeout` before it ended.
 * @remedy Give it more time, or handle it as an answer: the message names what was waited for and for how long. A task
 * that reached its own `timeout` was stopped; with `attempts` it is tried again.
 */
export class TimeoutError extends ManyhandsError {
  override readonly code = "ERR_TIMEOUT";
}

/**
 * An argument or option has a value that can never be right (Python's ValueError).
 *
 * @cause A call was given an argument, an option or a name that no call of its kind takes.
 * @remedy Correct the value. The message says what is wrong, what was given and what is accepted.
 */
export class ValueError extends ManyhandsError {
  override readonly code = "ERR_VALUE";
}

/**
 * Arguments do not fit the task's schema.
 *
 * @cause The task has a `schema`, and the arguments of a call do not fit it.
 * @remedy Correct the arguments; the message names the first place that does not fit. Nothing was submitted, or the
 * task was not run.
 */
export class ValidationError extends ManyhandsError {
  override readonly code = "ERR_VALIDATION";
}

/**
 * A value cannot be sent to another process; `path` names the place, such as `args[1].socket`.
 *
 * @cause An argument, a result or an item holds something that exists in one process only, such as a function, a
 * socket or a class that was not registered.
 * @remedy Send plain data, register the class with `registerType`, or send a shared object. `path` names the place.
 */
export class SerializationError extends ManyhandsError {
  override readonly code = "ERR_SERIALIZATION";
  readonly path: string;

  constructor(message: string, options: ManyhandsErrorOptions & { path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/**
 * An encoded payload is larger than `maxPayload` (bytes).
 *
 * @cause The arguments, the result or an item are larger than `maxPayload`.
 * @remedy Send a reference, such as the address of a file, or raise `maxPayload` in `connect()` and for the hosts.
 */
export class PayloadTooLargeError extends ManyhandsError {
  override readonly code = "ERR_PAYLOAD_TOO_LARGE";
}

/**
 * No task of that name is known where it should be.
 *
 * @cause No task of that name is defined where it was looked for.
 * @remedy Load the module that defines it: `manyhands worker <module>`. The message names similar names.
 */
export class TaskNotFoundError extends ManyhandsError {
  override readonly code = "ERR_TASK_NOT_FOUND";
}

/**
 * What was used had been closed before: a context with all that was made by it, a connection, a pool, a manager.
 *
 * @cause Something was used after `close()`, of itself or of the context that it was made by.
 * @remedy Close last: `await using` closes at the end of its block. Do not share what one part of the program closes.
 */
export class ClosedError extends ManyhandsError {
  override readonly code: string = "ERR_CLOSED";
}

/**
 * Work was submitted to a pool that has been closed or terminated (Python's "Pool not running").
 *
 * @cause A call was submitted to a pool after its `close()` or `terminate()`.
 * @remedy Submit before you close the pool, or make another one.
 */
export class PoolClosedError extends ClosedError {
  override readonly code = "ERR_POOL_CLOSED";
}

/**
 * The pool was terminated, or failed, before this call had a result.
 *
 * @cause The pool was terminated or removed while the call waited or ran, its program ended, or its initializer threw.
 * @remedy If its initializer threw, mend that and use `manyhands pool reset`. Otherwise submit again to a pool that is
 * in use.
 */
export class PoolTerminatedError extends ManyhandsError {
  override readonly code = "ERR_POOL_TERMINATED";
}

/**
 * The child or host that ran the task went away before it answered.
 *
 * @cause The child or the host that ran the task died: a crash, a kill, too little memory, a machine that is gone.
 * @remedy Look into the log of the host. If the task can run twice, give it `attempts`, and it is tried again by
 * itself.
 */
export class WorkerLostError extends ManyhandsError {
  override readonly code = "ERR_WORKER_LOST";
}

/**
 * The task was cancelled before it had a result.
 *
 * @cause The call was cancelled, by `cancel()`, an AbortSignal, the command line or the dashboard.
 * @remedy Nothing: it was asked for. The message gives the reason that was named.
 */
export class CancelledError extends ManyhandsError {
  override readonly code = "ERR_CANCELLED";
}

/**
 * Redis no longer holds what it acknowledged: it was flushed, restored or lost its data.
 *
 * @cause Redis was flushed, restored or lost writes in a failover, and the object that a handle has used is no longer
 * there.
 * @remedy Decide what the program does without the old content, then make the object again. Use a Redis that persists
 * (`appendonly yes`).
 */
export class StateLostError extends ManyhandsError {
  override readonly code = "ERR_STATE_LOST";
}

/**
 * Why a lock is no longer held. `deadline`: by this process' own clock its lease may be over, whatever Redis says;
 * `refused`: Redis says that it is free or has another holder.
 */
export type LockLostReason = "deadline" | "refused";

/**
 * A lock or permit is not held, or no longer: its lease ended, it was taken away, or another holder has it.
 *
 * @cause The lock or permit was not held by this handle, or its lease ended while it was held.
 * @remedy Stop what the lock protects. With `reason: "deadline"` the process was stopped or Redis was away for longer
 * than the lease; pass the fencing token on to what is protected.
 */
export class LockLostError extends ManyhandsError {
  override readonly code = "ERR_LOCK_LOST";
  readonly reason: LockLostReason;

  constructor(message: string, options: ManyhandsErrorOptions & { reason?: LockLostReason } = {}) {
    super(message, options);
    this.reason = options.reason ?? "refused";
  }
}

/**
 * A barrier was aborted, reset or given up by one of its parties (Python's BrokenBarrierError).
 *
 * @cause A party of the barrier timed out, was aborted or died, or the barrier was reset.
 * @remedy Let all parties call `reset()` or use a new barrier, and wait again.
 */
export class BrokenBarrierError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_BARRIER";
}

/**
 * Nothing was in the queue in time (Python's queue.Empty).
 *
 * @cause A `get` found no item within its `timeout`, or at once where it does not wait.
 * @remedy Handle it as the answer that it is, or wait longer.
 */
export class QueueEmptyError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_EMPTY";
}

/**
 * The queue was full for too long (Python's queue.Full).
 *
 * @cause A `put` found no place within its `timeout`, or at once where it does not wait.
 * @remedy Consume faster, wait longer, or raise `maxSize`.
 */
export class QueueFullError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_FULL";
}

/**
 * The queue was shut down (Python's queue.ShutDown).
 *
 * @cause The queue was shut down: nothing can be put any more, and nothing is left to get.
 * @remedy End the loop of the producer or consumer.
 */
export class QueueClosedError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_CLOSED";
}

/**
 * Everything was read, and all senders are gone (Python's EOFError).
 *
 * @cause All senders of the pipe or queue are closed or dead, and everything they sent has been read.
 * @remedy End the loop of the reader.
 */
export class EndOfFileError extends ManyhandsError {
  override readonly code = "ERR_END_OF_FILE";
}

/**
 * All readers of the pipe are gone (Python's BrokenPipeError).
 *
 * @cause All readers of the pipe are closed or dead.
 * @remedy Stop sending.
 */
export class BrokenPipeError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_PIPE";
}

/**
 * A message is larger than the buffer that it was to be put into; here it is (Python's BufferTooShort).
 *
 * @cause `recvBytesInto` was given a buffer that is smaller than the message.
 * @remedy Read the message from `bytes`, and use a larger buffer for the next one.
 */
export class BufferTooShortError extends ManyhandsError {
  override readonly code = "ERR_BUFFER_TOO_SHORT";
  readonly bytes: Uint8Array;

  constructor(message: string, options: ManyhandsErrorOptions & { bytes: Uint8Array }) {
    super(message, options);
    this.bytes = options.bytes;
  }
}

/**
 * A rule of use was broken, such as notifying a condition without holding its lock, or starting a process twice
 * (Python's AssertionError).
 *
 * @cause A rule of use was broken, such as `notify()` without the lock, or a process that is started twice.
 * @remedy Correct the program; the message names the rule.
 */
export class AssertionError extends ManyhandsError {
  override readonly code = "ERR_ASSERTION";
}

/**
 * A key that is not in the dict, or an item that is not in the set (Python's KeyError).
 *
 * @cause The dict has no such key, or the set no such item.
 * @remedy Look with `has()` first, or use `get()` with a default.
 */
export class KeyError extends ManyhandsError {
  override readonly code = "ERR_KEY";
}

/**
 * An index outside the list or array (Python's IndexError).
 *
 * @cause The index is outside of the list or array.
 * @remedy Compare it with the length first. Other programs may have changed that meanwhile.
 */
export class IndexError extends ManyhandsError {
  override readonly code = "ERR_INDEX";
}

/**
 * A name that a namespace, or another object, does not have (Python's AttributeError).
 *
 * @cause The namespace has no such name, or the registered object no such method.
 * @remedy Correct the name, or set it first.
 */
export class AttributeError extends ManyhandsError {
  override readonly code = "ERR_ATTRIBUTE";
}

/**
 * The manager of what was used was shut down, or its maker has ended.
 *
 * @cause The manager was shut down, or the program that made an unnamed one has ended, and its objects are gone.
 * @remedy Make the manager again, or use a named one, which outlives its maker.
 */
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
 * Redis cannot be reached, refused the credentials or a command, or is not fit for use (full, read-only, too old,
 * evicting).
 *
 * @cause Redis cannot be reached, refuses the credentials, lacks a right for this user, is too old, or is in a state
 * in which it refuses writes (`state`).
 * @remedy Do what the message says; `manyhands doctor` checks the whole set-up. Hosts wait and go on by themselves
 * when it is over.
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

/**
 * How a process ended is unknown: its host died, or Redis lost what it knew of it. `Process.lost` holds one.
 *
 * @cause The host of a process died, or Redis lost what it knew of it, so that its exit code is unknown.
 * @remedy Treat the process as killed. What it did before is not undone.
 */
export class ProcessLostError extends ManyhandsError {
  override readonly code = "ERR_PROCESS_LOST";
}

/**
 * A task's error whose class the caller does not know (see `registerError`); `name` is the original class name, and
 * the original's own properties are here too. Also stands for a thrown value that is not an Error.
 *
 * @cause A task threw an error of a class that this program does not know, or a value that is not an Error.
 * @remedy Register the class with `registerError` in both programs to get it as it was thrown. `name`, `code`,
 * `remoteStack` and the own properties of the original are there.
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

/**
 * What is stored under a name in Redis is not a record, or one of a newer version. The message names the key and what
 * to do.
 *
 * @cause A key in Redis holds something that this version cannot read: written by hand, by another program, or by a
 * newer version.
 * @remedy Update this program, or let `manyhands doctor` name the record and remove it. Others are not affected.
 */
export class UnreadableRecordError extends ManyhandsError {
  override readonly code = "ERR_UNREADABLE_RECORD";
}
