import {
  type BinsMessage,
  decodeError,
  type Measure,
  type TaskAnnouncement,
  WorkerLostError,
} from "@manyhands/core/child";
import type { LoadedFile } from "../child/loaded-files.ts";
import type {
  CancelReason,
  FromChild,
  GuardedSignal,
  OutputStream,
  ProcessRequest,
  RunRequest,
  ToChild,
} from "../child/messages.ts";
import { readFromChild } from "../child/read-message.ts";
import type { ExecutorExit, RunMessage, StrayOutput } from "./executor.ts";

export interface ConversationOptions {
  send(message: ToChild): void;
  onOutput?: ((output: StrayOutput) => void) | undefined;
  onGone?: ((sessions: readonly string[]) => void) | undefined;
  onMeasured?: ((what: Measure, bins: BinsMessage) => void) | undefined;
  onBadMessage?: ((fault: string) => void) | undefined;
}

/**
 * The host's half of the talk with one child, the same for every kind of child:
 * - turns messages into the promises of {@link Executor}, each of which settles, at the latest when the child is gone;
 * - gives each message of a running job to the listener of that job;
 * - keeps the error that a child reports before it ends itself;
 * - is the net under what a child sends: a message that cannot be used is reported and ignored.
 */
export class Conversation {
  readonly loaded: Promise<TaskAnnouncement[]>;
  readonly exited: Promise<ExecutorExit>;
  readonly #options: ConversationOptions;
  readonly #loading = Promise.withResolvers<TaskAnnouncement[]>();
  readonly #exiting = Promise.withResolvers<ExecutorExit>();
  readonly #runs = new Map<string, Run>();
  #adoption: PromiseWithResolvers<void> | undefined;
  /** The signals that the child's code handles. */
  listensTo: ReadonlySet<GuardedSignal> = new Set();
  /** The files that the child has loaded, where it was asked to tell them. */
  files: readonly LoadedFile[] = [];
  #onProcessOutput: ((stream: OutputStream, text: string) => void) | undefined;
  readonly #sessions: string[] = [];
  #crash: ExecutorExit["crash"] = null;
  #isLoaded = false;
  #initializerThrew = false;
  #lastJobId: string | null = null;
  #exit: ExecutorExit | undefined;
  #pid = 0;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.loaded = this.#loading.promise;
    this.exited = this.#exiting.promise;
    // `loaded` may be looked at later; until then its rejection is not an unhandled one.
    this.loaded.catch(() => undefined);
  }

  get crash(): ExecutorExit["crash"] {
    return this.#crash;
  }

  /** How the child ended, once it has. */
  get exit(): ExecutorExit | undefined {
    return this.#exit;
  }

  /** The adoption failed with an error that the initializer threw, and not because the child was lost. */
  get initializerThrew(): boolean {
    return this.#initializerThrew;
  }

  adopt(pool: string, initializer: { task: string; args: string } | null): Promise<void> {
    if (this.#exit) return Promise.reject(lost(this.#exit, "before its pool could adopt it"));
    this.#adoption = Promise.withResolvers<void>();
    this.#sendOnceLoaded({ type: "adopt", pool, initializer });
    return this.#adoption.promise;
  }

  run(request: RunRequest, listener: (message: RunMessage) => void): Promise<ExecutorExit | null> {
    if (this.#exit) return Promise.resolve(this.#exit);
    const run: Run = { listener, ended: Promise.withResolvers<ExecutorExit | null>() };
    this.#runs.set(request.jobId, run);
    this.#lastJobId = request.jobId;
    this.#sendOnceLoaded({ type: "run", request });
    return run.ended.promise;
  }

  /** The child becomes a process; all that it writes from now on is that process's. */
  become(request: ProcessRequest, onOutput: (stream: OutputStream, text: string) => void): void {
    this.#onProcessOutput = onOutput;
    this.#sendOnceLoaded({ type: "become", request });
  }

  cancel(jobId: string, unit: number | null, reason: CancelReason): void {
    if (!this.#exit) this.#options.send({ type: "cancel", jobId, unit, reason });
  }

  /** Takes any message of the child. Never throws: it is called by events, and a task may send what it likes. */
  receive(received: unknown): void {
    const message = readFromChild(received);
    // Sent by a task's own code (process.send), which means nothing here.
    if (message === null) return;
    if (typeof message === "string") return this.#options.onBadMessage?.(message);
    try {
      this.#take(message);
    } catch (error) {
      this.#options.onBadMessage?.((error as Error).message);
    }
  }

  #take(message: FromChild): void {
    switch (message.type) {
      case "files":
        this.files = message.files;
        return;
      case "loaded":
        this.#pid = message.pid;
        this.#isLoaded = true;
        return this.#loading.resolve(message.tasks);
      case "loadFailed":
        return this.#loading.reject(decodeError(message.error));
      case "session":
        this.#sessions.push(message.id);
        return;
      case "listens":
        this.listensTo = new Set(message.signals);
        return;
      case "measured":
        return this.#options.onMeasured?.(message.what, message);
      case "adopted":
        return this.#adoption?.resolve();
      case "adoptFailed": {
        const failure = decodeError(message.error);
        this.#initializerThrew = message.thrown;
        return this.#adoption?.reject(failure);
      }
      case "crashed": {
        const { error, message: text, jobId, unit } = message;
        // Read when the child has ended, where nothing catches what cannot be decoded.
        decodeError(error);
        this.#crash = { error, message: text, jobId, unit };
        return;
      }
      case "answers":
        return this.#hearAnswers(message);
      case "started":
      case "unheard":
      case "log":
      case "progress":
        return this.#runs.get(message.jobId)?.listener(message);
      case "output":
        return this.#hearOutput(message);
    }
  }

  /** Text read from the child's descriptors, which may arrive behind the answers of the job that wrote it. */
  receiveRawOutput(stream: "stdout" | "stderr", text: string): void {
    const [jobId] = this.#runs.keys();
    this.#hearOutput({ type: "output", jobId: jobId ?? this.#lastJobId, unit: -1, stream, text });
  }

  /** There never was a child. */
  startFailed(error: Error): void {
    const failure = new WorkerLostError(`a child could not be started: ${error.message}`, { cause: error });
    this.#loading.reject(failure);
    this.end({ code: null, signal: null, crash: null, outOfMemory: false, killedFor: null });
  }

  /** The child is gone: settles everything that still waits. */
  end(exit: ExecutorExit): void {
    if (this.#exit) return;
    this.#exit = exit;
    if (this.#sessions.length > 0) this.#options.onGone?.(this.#sessions);
    this.#loading.reject(lost(exit, "before its task modules were loaded"));
    this.#adoption?.reject(lost(exit, "in the initializer of its pool"));
    for (const run of this.#runs.values()) run.ended.resolve(exit);
    this.#runs.clear();
    this.#exiting.resolve(exit);
  }

  /** A child whose modules could not be loaded ends, which settles what still waits. */
  #sendOnceLoaded(message: ToChild): void {
    if (this.#isLoaded) this.#options.send(message);
    else this.loaded.then(() => this.#options.send(message), ignore);
  }

  #hearAnswers(message: Extract<FromChild, { type: "answers" }>): void {
    const run = this.#runs.get(message.jobId);
    if (!run) return;
    if (message.done) this.#runs.delete(message.jobId);
    try {
      run.listener(message);
    } finally {
      if (message.done) run.ended.resolve(null);
    }
  }

  #hearOutput(message: Extract<FromChild, { type: "output" }>): void {
    if (this.#onProcessOutput) return this.#onProcessOutput(message.stream, message.text);
    const run = message.jobId === null ? undefined : this.#runs.get(message.jobId);
    if (run) run.listener(message);
    else this.#options.onOutput?.({ pid: this.#pid, jobId: message.jobId, stream: message.stream, text: message.text });
  }
}

interface Run {
  listener(message: RunMessage): void;
  ended: PromiseWithResolvers<ExecutorExit | null>;
}

function lost(exit: ExecutorExit, when: string): WorkerLostError {
  const how = exit.killedFor
    ? `was killed (${exit.killedFor})`
    : exit.outOfMemory
      ? "ran out of memory"
      : exit.crash
        ? `crashed: ${exit.crash.message}`
        : `ended with ${exit.signal ?? `exit code ${exit.code}`}`;
  return new WorkerLostError(`the child ${how} ${when}`, exit.crash ? { cause: decodeError(exit.crash.error) } : {});
}

function ignore(): void {}
