/** Options of every error of manyhands besides its message. */
export interface ManyhandsErrorOptions {
  cause?: unknown;
}

/** Identifies errors of manyhands, even if the package is loaded twice. */
export const MANYHANDS_ERROR: symbol = Symbol.for("manyhands.error");

/**
 * Root of all errors thrown by manyhands. Branch on the class or on `code`, never on the text.
 *
 * @cause None: this is the base class of all errors below, and is never thrown directly.
 * @remedy Use it to distinguish errors of manyhands from others: `error instanceof ManyhandsError`.
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
 * A wait, a call or a task did not end within its time limit.
 *
 * @cause A wait, a call or a task reached its `timeout` before it ended. The message says what it waited for and how
 * long.
 * @remedy Raise the `timeout`, or handle the error as a normal outcome. A task that reached its own `timeout` was
 * stopped; with `attempts` it is retried.
 */
export class TimeoutError extends ManyhandsError {
  override readonly code = "ERR_TIMEOUT";
}

/**
 * An argument or option has an invalid value (Python's ValueError).
 *
 * @cause You passed an argument, an option or a name that the call does not accept.
 * @remedy Correct the value. The message says what is wrong, what was passed and what is accepted.
 */
export class ValueError extends ManyhandsError {
  override readonly code = "ERR_VALUE";
}

/**
 * The arguments of a call do not match the task's schema.
 *
 * @cause The task has a `schema`, and the arguments of a call do not match it.
 * @remedy Correct the arguments; the message names the first position that does not match. The call was not submitted,
 * or the task did not run.
 */
export class ValidationError extends ManyhandsError {
  override readonly code = "ERR_VALIDATION";
}

/**
 * A value cannot be sent to another process; `path` names its position, such as `args[1].socket`.
 *
 * @cause An argument, a result or an item contains something that exists in one process only, such as a function, a
 * socket, a stream or a promise.
 * @remedy Send plain data or a shared object. `path` names the position.
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
 * @cause The arguments or the result of a call, an item or a message are larger than the limit.
 * @remedy Send a reference, such as the address of a file, or raise `maxPayload` in `connect()` and for the hosts.
 */
export class PayloadTooLargeError extends ManyhandsError {
  override readonly code = "ERR_PAYLOAD_TOO_LARGE";
}

/**
 * No task of that name is known.
 *
 * @cause No loaded module defines a task of that name; or the command line was given a name that no live host knows. A
 * task that was submitted does not fail with it: it waits for a host that knows it.
 * @remedy Correct the name; the message lists similar names. Or start a host with the module that defines the task:
 * `manyhands worker --tasks <module>`.
 */
export class TaskNotFoundError extends ManyhandsError {
  override readonly code = "ERR_TASK_NOT_FOUND";
}

/**
 * A call on an object that is already closed: a context or an object that it created, a connection, a pool, a manager.
 *
 * @cause You used an object after its own `close()`, or after `close()` of its context.
 * @remedy Close an object after its last use; `await using` closes it at the end of its block. If two parts of the
 * program share an object, neither should close it while the other uses it.
 */
export class ClosedError extends ManyhandsError {
  override readonly code: string = "ERR_CLOSED";
}

/**
 * No task of that id is kept: it was never submitted here, it was removed, or its pool's history no longer reaches it.
 *
 * @cause The id names no task of this namespace: a mistyped id, another namespace, a task that was removed, or one that
 * ended so long ago that its pool keeps it no more.
 * @remedy Check the id and the namespace (`manyhands task ls`). Results that are needed for longer belong into a store
 * of your own.
 */
export class TaskUnknownError extends ManyhandsError {
  override readonly code = "ERR_TASK_UNKNOWN";
}

/**
 * The program stopped waiting for a task that goes on: its context was closed. `id` is the id of the task, with which
 * any program finds it again (`mp.task(id)`).
 *
 * @cause The context was closed while a call in a named pool had no result. The task is in Redis and runs as if its
 * program were still there. A call that was still on its way when the time for closing was over may have got there.
 * @remedy Look it up later by `id`, in any program: `mp.task(id).get()`. To stop tasks instead, `cancel()` them or
 * `terminate()` the pool before you close.
 */
export class DetachedError extends ManyhandsError {
  override readonly code = "ERR_DETACHED";
  readonly id: string;

  constructor(message: string, options: ManyhandsErrorOptions & { id: string }) {
    super(message, options);
    this.id = options.id;
  }
}

/**
 * Work was submitted to a pool that has been closed or terminated (Python's "Pool not running").
 *
 * @cause You submitted a call to a pool after its `close()` or `terminate()`.
 * @remedy Submit before you close the pool, or create another pool.
 */
export class PoolClosedError extends ClosedError {
  override readonly code = "ERR_POOL_CLOSED";
}

/**
 * The pool was terminated, or failed, before this call had a result.
 *
 * @cause The pool was terminated or removed while the call waited or ran, its program ended, or its initializer threw.
 * @remedy If the initializer threw, fix it and run `manyhands pool reset`. Otherwise submit the call again to a pool
 * that is in use.
 */
export class PoolTerminatedError extends ManyhandsError {
  override readonly code = "ERR_POOL_TERMINATED";
}

/**
 * The child or host that ran the task died before it returned a result.
 *
 * @cause The child or the host that ran the task died: it crashed, was killed, ran out of memory, or its machine
 * failed.
 * @remedy Read the log of the host. If the task may run twice, set `attempts`: then it is retried automatically.
 */
export class WorkerLostError extends ManyhandsError {
  override readonly code = "ERR_WORKER_LOST";
}

/**
 * The task was cancelled before it had a result.
 *
 * @cause The call was cancelled, by `cancel()`, an AbortSignal, the command line or an inspector.
 * @remedy None: the cancellation was requested. The message contains the reason that was passed.
 */
export class CancelledError extends ManyhandsError {
  override readonly code = "ERR_CANCELLED";
}

/**
 * What a task throws when another attempt cannot help; also the base of such errors of your own.
 *
 * @cause A task threw it: the call fails at once, also if its `attempts` are not used up.
 * @remedy Read the message, which is the task's own. `options.fatal` of a task does the same for errors of other classes.
 */
export class NonRetryableError extends ManyhandsError {
  override readonly code: string = "ERR_NON_RETRYABLE";
}

/**
 * The task was not started within its `expires`, and was dropped.
 *
 * @cause The task waited longer than its option `expires` allows: no live host knew it, all slots were busy, or its pool
 * was paused.
 * @remedy Start a host with the module that defines the task, or more slots; or raise `expires`. The task did not run:
 * submit it again if it is still wanted.
 */
export class ExpiredError extends ManyhandsError {
  override readonly code = "ERR_EXPIRED";
}

/**
 * Redis no longer has data that it acknowledged: it was flushed, restored or lost writes, or the object was removed.
 *
 * @cause Redis was flushed, restored or lost writes in a failover, or the object was removed, and a handle that has
 * used the object finds it missing.
 * @remedy Decide how the program continues without the old content; the next call creates a named object again. Use a
 * Redis that persists its data (`appendonly yes`).
 */
export class StateLostError extends ManyhandsError {
  override readonly code = "ERR_STATE_LOST";
}

/**
 * Why a lock is no longer held. `deadline`: by this process' own clock its lease may have ended; `refused`: according
 * to Redis the lock is free or has another holder.
 */
export type LockLostReason = "deadline" | "refused";

/**
 * A lock or permit is no longer held: its lease ended, it was released from outside, or another process holds it.
 *
 * @cause The lease ended while the handle held the lock or permit, another process released it, or you passed a ticket
 * or fence that is no longer valid.
 * @remedy Stop the work that the lock protects. With `reason: "deadline"`, the process was paused or could not reach
 * Redis for longer than the lease. Let the protected resource check the fence (fencing token).
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
 * A barrier broke before all parties had arrived, or was reset (Python's BrokenBarrierError).
 *
 * @cause A party timed out, was aborted or died, the action threw, or `abort()` or `reset()` was called.
 * @remedy Call `reset()` once, or use a new barrier; then let all parties wait again.
 */
export class BrokenBarrierError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_BARRIER";
}

/**
 * The queue had no item in time (Python's queue.Empty).
 *
 * @cause A `get` found no item within its `timeout`, or at its only try if it does not wait.
 * @remedy Handle the error as a normal outcome, or wait longer.
 */
export class QueueEmptyError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_EMPTY";
}

/**
 * The queue had no free room in time (Python's queue.Full).
 *
 * @cause A `put` found no free room within its `timeout`, or at its only try if it does not wait.
 * @remedy Consume faster, wait longer, or raise `maxSize`.
 */
export class QueueFullError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_FULL";
}

/**
 * The queue was shut down (Python's queue.ShutDown).
 *
 * @cause You called `put` after `shutdown()`, or `get` when no item is left, or `shutdown(true)` was called.
 * @remedy End the loop of the producer or consumer.
 */
export class QueueClosedError extends ManyhandsError {
  override readonly code = "ERR_QUEUE_CLOSED";
}

/**
 * All messages were received, and the other end of the pipe is closed (Python's EOFError).
 *
 * @cause All holders of the other end have closed it or died, and every message that they sent has been received.
 * @remedy End the loop of the reader.
 */
export class EndOfFileError extends ManyhandsError {
  override readonly code = "ERR_END_OF_FILE";
}

/**
 * The other end of the pipe is closed (Python's BrokenPipeError).
 *
 * @cause All holders of the other end have closed it or died.
 * @remedy Stop sending.
 */
export class BrokenPipeError extends ManyhandsError {
  override readonly code = "ERR_BROKEN_PIPE";
}

/**
 * A message does not fit into the buffer; the error carries it in `bytes` (Python's BufferTooShort).
 *
 * @cause You passed a buffer to `recvBytesInto` that is smaller than the message.
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
 * A call that the state of the object does not allow (Python's AssertionError).
 *
 * @cause The object was in the wrong state, for example `notify()` without the lock, or a process that you start twice.
 * @remedy Correct the program; the message names the rule.
 */
export class AssertionError extends ManyhandsError {
  override readonly code = "ERR_ASSERTION";
}

/**
 * A key that is not in the dict, or an item that is not in the set (Python's KeyError).
 *
 * @cause The dict has no such key, or the set no such item.
 * @remedy Check with `has()` first, or use `get()` with a default.
 */
export class KeyError extends ManyhandsError {
  override readonly code = "ERR_KEY";
}

/**
 * An index out of the range of the list or array (Python's IndexError).
 *
 * @cause The index is out of the range of the list or array.
 * @remedy Compare the index with the length first. Other programs may change the length at any time.
 */
export class IndexError extends ManyhandsError {
  override readonly code = "ERR_INDEX";
}

/**
 * A name that a namespace or a registered object does not have (Python's AttributeError).
 *
 * @cause The namespace has no such name, or the registered object no such method.
 * @remedy Correct the name, or set it first.
 */
export class AttributeError extends ManyhandsError {
  override readonly code = "ERR_ATTRIBUTE";
}

/**
 * The manager of the object was shut down, or the program that created it has ended.
 *
 * @cause `shutdown()` was called, or the program that created an unnamed manager has ended; its objects were removed.
 * @remedy Create the manager again, or use a named one, which outlives the program that created it.
 */
export class ManagerClosedError extends ClosedError {
  override readonly code = "ERR_MANAGER_CLOSED";
}

/**
 * Why Redis cannot be used, or not by this user: the first word of its error replies. `CHANNELS`: the user may use no
 * channels (Redis itself answers `NOPERM`).
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
 * Redis cannot be reached, rejected the credentials or a command, or cannot be used (full, read-only, too old,
 * evicting).
 *
 * @cause Redis cannot be reached, rejects the credentials, denies this user a right, is too old, or is in a state in
 * which it rejects writes (`state`).
 * @remedy Follow the message; `manyhands doctor` checks the whole installation. Hosts wait, and continue as soon as
 * Redis can be used again.
 */
export class RedisUnfitError extends ManyhandsError {
  override readonly code = "ERR_REDIS_UNFIT";
  /** The state in which Redis rejects commands; undefined for other reasons, such as a Redis that cannot be reached. */
  readonly state: RedisState | undefined;

  constructor(message: string, options: ManyhandsErrorOptions & { state?: RedisState } = {}) {
    super(message, options);
    this.state = options.state;
  }
}

/**
 * The exit code of a process is unknown; `Process.lost` contains this error.
 *
 * @cause The host of the process died, or Redis lost the record of the process.
 * @remedy Treat the process as killed. Its effects so far are not undone.
 */
export class ProcessLostError extends ManyhandsError {
  override readonly code = "ERR_PROCESS_LOST";
}

/**
 * A task's error whose class the caller does not know, or a thrown value that is not an Error. `name` is the name of
 * the original class; the original's own properties are copied.
 *
 * @cause A task threw an error of a class that this program does not know, or a value that is not an Error.
 * @remedy Register the class with `registerError` in both programs to receive the original class. `name`, `code`,
 * `remoteStack` and the own properties of the original are available in any case.
 */
export class RemoteError extends ManyhandsError {
  /** The original's `code`, if it had one. */
  override readonly code: string = "ERR_REMOTE";
  /** Stack of the process that threw. Every error from a task has this property and the next three. */
  declare readonly remoteStack: string;
  /** Name of the worker host that threw. */
  declare readonly host: string;
  declare readonly pid: number;
  /** Absent if the error did not come from a task. */
  declare readonly taskId?: string;
  /** The thrown value, if it was not an Error and could be sent. */
  declare readonly thrown?: unknown;
}

/**
 * A record in Redis is damaged, or was written by a newer version. The message names the key and what to do.
 *
 * @cause A key in Redis contains a record that this version cannot read: edited manually, written by another program,
 * or by a newer version.
 * @remedy Update this program, or remove the record with `manyhands doctor --repair`. Other records are not affected.
 */
export class UnreadableRecordError extends ManyhandsError {
  override readonly code = "ERR_UNREADABLE_RECORD";
}
