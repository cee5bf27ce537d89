import { Worker } from "node:worker_threads";
import type { TaskAnnouncement } from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";
import type { CancelReason, RunRequest } from "../child/messages.ts";
import { childEntry, nodeOptionsForChildren } from "./child-arguments.ts";
import { Conversation } from "./conversation.ts";
import type { Executor, ExecutorExit, RunMessage } from "./executor.ts";
import type { ExecutorOptions } from "./executor-options.ts";

/**
 * A child that is a worker thread of the host: starts faster than a process and shares its memory limit and its life.
 * A full heap, `process.exit()` or an uncaught error ends the thread alone; a crash of native code ends the host.
 */
export class ThreadExecutor implements Executor {
  readonly isolation = "thread";
  readonly #conversation: Conversation;
  readonly #worker: Worker;
  #killedFor: string | null = null;
  #outOfMemory = false;

  constructor(options: ExecutorOptions) {
    const { maxHeapMegabytes } = options;
    const worker = new Worker(childEntry("thread-entry"), {
      ...(maxHeapMegabytes && { resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes } }),
      execArgv: nodeOptionsForChildren(options.imports).filter((option) => !option.startsWith("--v8")),
      stdout: true,
      stderr: true,
      name: "manyhands task",
    });
    this.#worker = worker;
    this.#conversation = new Conversation({
      send: (message) => worker.postMessage(message),
      onOutput: options.onOutput,
      onGone: options.onGone,
      onMeasured: options.onMeasured,
      onBadMessage: options.onBadMessage,
    });
    worker.on("message", (message: unknown) => this.#conversation.receive(message));
    worker.on("messageerror", () => void this.kill("it sent a message that cannot be read"));
    worker.on("error", (error: NodeJS.ErrnoException) => {
      this.#outOfMemory ||= error.code === "ERR_WORKER_OUT_OF_MEMORY";
    });
    worker.on("exit", (code) => this.#settle(code));
    for (const stream of ["stdout", "stderr"] as const) {
      worker[stream]
        .setEncoding("utf8")
        .on("data", (text: string) => this.#conversation.receiveRawOutput(stream, text));
    }
    try {
      worker.postMessage({ type: "load", ...options.load, isolation: "thread" });
    } catch (error) {
      // What cannot be sent: the caller would not get this executor, so it must end its thread here.
      void worker.terminate();
      throw error;
    }
  }

  /** Threads live in the host's process. */
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

  run(request: RunRequest, listener: (message: RunMessage) => void): Promise<ExecutorExit | null> {
    return this.#conversation.run(request, listener);
  }

  cancel(jobId: string, unit: number | null, reason: CancelReason): void {
    this.#conversation.cancel(jobId, unit, reason);
  }

  get isKilled(): boolean {
    return this.#killedFor !== null;
  }

  kill(reason: string): Promise<ExecutorExit> {
    this.#killedFor ??= reason;
    void this.#worker.terminate();
    return this.exited;
  }

  retire(grace: number): Promise<ExecutorExit> {
    this.#worker.postMessage({ type: "exit" });
    const timer = setTimeout(() => void this.kill(`it did not end within ${grace} ms`), grace);
    return this.exited.finally(() => clearTimeout(timer));
  }

  #settle(code: number): void {
    this.#conversation.end({
      code,
      signal: null,
      crash: this.#conversation.crash,
      outOfMemory: this.#outOfMemory,
      killedFor: this.#outOfMemory ? null : this.#killedFor,
    });
  }
}
