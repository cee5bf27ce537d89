import { AsyncLocalStorage } from "node:async_hooks";
import { closeWorkerContext } from "@manyhands/core/child";
import { settledWithin, type TaskAnnouncement } from "@manyhands/core/internal";
import { captureInlineTasks } from "../child/captured-streams.ts";
import type { LoadedFile } from "../child/loaded-files.ts";
import type { CancelReason, FromChild, RunRequest, ToChild } from "../child/messages.ts";
import { ChildRuntime } from "../child/runtime.ts";
import { Conversation } from "./conversation.ts";
import type { Executor, ExecutorExit, RunMessage } from "./executor.ts";
import type { ExecutorOptions } from "./executor-options.ts";

/** Longest time for closing what tasks have connected, ms. */
const CLOSE_DEADLINE = 1_000;

/** They share one context of the process. */
const executors = new Set<InlineExecutor>();

/**
 * Runs tasks in the host's own event loop, several jobs at once: for I/O work that trusts its code. Nothing separates
 * the task from the host: it is cancelled only by its signal, and what it blocks or crashes is the host.
 */
export class InlineExecutor implements Executor {
  readonly isolation = "inline";
  readonly #conversation: Conversation;
  /** Jobs by the names that their runs have here. */
  readonly #running = new Map<string, string>();
  #runs = 0;
  #retiring = false;
  #closing: Promise<unknown> | undefined;
  #deliver: (message: ToChild) => void = () => undefined;

  constructor(options: ExecutorOptions) {
    captureInlineTasks();
    executors.add(this);
    // What the host does on hearing a message is not part of the task that caused it.
    const asHost = AsyncLocalStorage.snapshot();
    this.#conversation = new Conversation({
      send: (message) => this.#deliver(message),
      onOutput: options.onOutput,
      onBadMessage: options.onBadMessage,
    });
    new ChildRuntime(
      {
        send: (message: FromChild) => asHost(() => this.#conversation.receive(message)),
        onMessage: (listener) => {
          this.#deliver = listener;
        },
      },
      () => this.#end(null),
    );
    this.#deliver({ type: "load", ...options.load, isolation: "inline" });
  }

  get pid(): number {
    return process.pid;
  }

  get loaded(): Promise<TaskAnnouncement[]> {
    return this.#conversation.loaded;
  }

  get files(): readonly LoadedFile[] {
    return this.#conversation.files;
  }

  get initializerThrew(): boolean {
    return this.#conversation.initializerThrew;
  }

  get exited(): Promise<ExecutorExit> {
    return this.#conversation.exited;
  }

  adopt(pool: string, initializer: { task: string; args: string } | null): Promise<void> {
    return this.#conversation.adopt(pool, initializer);
  }

  async run(request: RunRequest, listener: (message: RunMessage) => void): Promise<ExecutorExit | null> {
    const { jobId } = request;
    this.#runs += 1;
    // A call that was given up goes on beside a later attempt of its job, and a job whose lock was lost beside its next run.
    const name = this.#running.has(jobId) ? `${jobId}#${this.#runs}` : jobId;
    this.#running.set(name, jobId);
    try {
      return await this.#conversation.run({ ...request, jobId: name, ownId: request.ownId ?? jobId }, listener);
    } finally {
      this.#running.delete(name);
      if (this.#retiring && this.#running.size === 0) this.#end(null);
    }
  }

  cancel(jobId: string, unit: number | null, reason: CancelReason): void {
    for (const [name, job] of this.#running) if (job === jobId) this.#conversation.cancel(name, unit, reason);
  }

  get isKilled(): boolean {
    return this.#conversation.exit !== undefined;
  }

  /** Aborts the signals of everything that runs and ignores answers from now on; code that ignores its signal runs on. */
  async kill(reason: string): Promise<ExecutorExit> {
    for (const name of this.#running.keys()) this.#conversation.cancel(name, null, "cancelled");
    this.#end(reason);
    await this.#closing;
    return this.exited;
  }

  async retire(grace: number): Promise<ExecutorExit> {
    this.#retiring = true;
    if (this.#running.size === 0) this.#end(null);
    const timer = setTimeout(() => void this.kill(`it did not end within ${grace} ms`), grace);
    const exit = await this.exited.finally(() => clearTimeout(timer));
    await this.#closing;
    return exit;
  }

  #end(killedFor: string | null): void {
    this.#conversation.end({ code: 0, signal: null, crash: null, outOfMemory: false, killedFor });
    // The process lives on, and with it what tasks have connected: the last one gives back what they held.
    if (executors.delete(this) && executors.size === 0)
      this.#closing = settledWithin(closeWorkerContext(), CLOSE_DEADLINE);
  }
}
