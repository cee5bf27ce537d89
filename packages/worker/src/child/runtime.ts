import { enableCompileCache, flushCompileCache } from "node:module";
import type { RedisConfig } from "@manyhands/core";
import {
  announcementOf,
  closeWorkerContext,
  decodeFromString,
  findTask,
  listTasks,
  onMeasured,
  provideWorkerContext,
  settledWithin,
  TaskNotFoundError,
  takeMeasured,
  toBinsMessage,
  ValueError,
  watchContexts,
  whileLoadingTasks,
} from "@manyhands/core/child";
import { becomeProcess, printCrash } from "./become-process.ts";
import { callTask } from "./call-task.ts";
import { runningUnit } from "./captured-streams.ts";
import { encodedError } from "./failure-report.ts";
import { LoadedFiles } from "./loaded-files.ts";
import type { ChildPort, FromChild, LoadRequest, RunRequest, ToChild } from "./messages.ts";
import { loadRedisModule } from "./redis-module.ts";
import { RunningJob } from "./running-job.ts";
import { loadTaskModules } from "./task-modules.ts";
import { TaskOutput } from "./task-output.ts";

/** What it measures of itself is sent together after this, ms. */
const MEASURED_INTERVAL = 1_000;
/** Longest time for closing what tasks have connected, ms. */
const CLOSE_DEADLINE = 1_000;

/**
 * The part of a child that does the work, the same in a process, a thread and inline:
 * 1. loads the task modules and says which tasks they define;
 * 2. runs the initializer of the pool that adopts it, once;
 * 3. runs jobs and answers each of their units;
 * 4. passes cancellations to the code that runs.
 */
export class ChildRuntime {
  readonly output: TaskOutput;
  readonly #port: ChildPort;
  readonly #onExit: (failed: boolean) => void;
  readonly #jobs = new Map<string, RunningJob>();
  #hostName = "";
  #adoptedBy: string | undefined;
  #silent = false;

  constructor(port: ChildPort, onExit: (failed: boolean) => void) {
    this.#port = port;
    this.#onExit = onExit;
    this.output = new TaskOutput((message) => this.#send(message));
    port.onMessage((message) => void this.#receive(message));
  }

  /** Sends what is finished. */
  flush(): void {
    this.output.flush();
    for (const job of this.#jobs.values()) job.flush();
  }

  /**
   * Ends the child after an error outside any awaited call: its state can no longer be trusted, so it must not run
   * another job. The call whose code threw is known even when it was answered long ago.
   */
  guardAgainstCrashes(end: (code: number) => void): void {
    let crashed = false;
    process.on("uncaughtException", (error) => {
      if (crashed) return;
      crashed = true;
      this.#reportCrash(error, runningUnit());
      end(1);
    });
    // Within process.exit() and at a natural end: calls that have ended are answered, however the child ends.
    process.on("exit", () => this.flush());
  }

  /** Says that code outside any awaited call threw; nothing is sent after it. */
  #reportCrash(error: unknown, culprit: { jobId: string; unit: number } | undefined): void {
    printCrash(error);
    this.flush();
    const { error: encoded, message } = encodedError(error, this.#hostName);
    this.#send({
      type: "crashed",
      error: encoded,
      message,
      jobId: culprit?.jobId ?? null,
      unit: culprit?.unit ?? null,
    });
    this.#silent = true;
  }

  async #receive(message: ToChild): Promise<void> {
    switch (message.type) {
      case "load":
        return this.#load(message);
      case "adopt":
        return this.#adopt(message.pool, message.initializer);
      case "run":
        return this.#run(message.request);
      case "become":
        return becomeProcess(message.request, { hostName: this.#hostName, output: this.output });
      case "cancel":
        this.#jobs.get(message.jobId)?.cancel(message.unit, message.reason);
        return;
      case "exit":
        return this.#exit();
    }
  }

  async #load(request: LoadRequest): Promise<void> {
    this.#hostName = request.hostName;
    const { compileCache } = request;
    // Inline, the host measures the same process.
    if (request.isolation !== "inline") {
      onMeasured(() => void setTimeout(() => this.#sendMeasured(), MEASURED_INTERVAL).unref());
    }
    if (compileCache !== null) enableCompileCache(compileCache);
    const files = request.tellsFiles ? new LoadedFiles() : undefined;
    const tellFiles = (): void => {
      if (files) this.#send({ type: "files", files: files.list() });
    };
    try {
      watchContexts((id) => this.#send({ type: "session", id }));
      const { connection, redisModule, lockNodes, namespace } = request;
      const redis = redisModule
        ? await whileLoadingTasks(() => loadRedisModule(redisModule))
        : (connection as RedisConfig);
      provideWorkerContext(
        {
          redis,
          namespace,
          lockNodes: (lockNodes as RedisConfig[] | null | undefined) ?? undefined,
        },
        this.#hostName,
      );
      await whileLoadingTasks(() => loadTaskModules(request.modules));
      const tasks = listTasks().map(announcementOf);
      this.output.flush();
      tellFiles();
      this.#send({ type: "loaded", tasks, pid: process.pid });
      // Node would write it at the exit, which a child seldom comes to: it is killed.
      if (compileCache !== null) flushCompileCache();
    } catch (error) {
      this.output.flush();
      tellFiles();
      this.#send({ type: "loadFailed", ...encodedError(error, this.#hostName) });
      this.#onExit(true);
    }
  }

  async #adopt(pool: string, initializer: { task: string; args: string } | null): Promise<void> {
    let thrown = false;
    try {
      if (this.#adoptedBy !== undefined) {
        throw new ValueError(`a child belongs to one pool; this one was adopted by "${this.#adoptedBy}" already`);
      }
      this.#adoptedBy = pool;
      if (initializer) {
        const task = findTask(initializer.task);
        if (!task)
          throw new TaskNotFoundError(
            `the initializer "${initializer.task}" of pool "${pool}" is not defined in this worker's modules`,
          );
        const args = decodeFromString(initializer.args) as unknown[];
        thrown = true;
        await callTask(task, args);
      }
      this.output.flush();
      this.#send({ type: "adopted" });
    } catch (error) {
      this.output.flush();
      this.#send({ type: "adoptFailed", thrown, ...encodedError(error, this.#hostName) });
    }
  }

  async #run(request: RunRequest): Promise<void> {
    const job = new RunningJob(request, {
      hostName: this.#hostName,
      output: this.output,
      send: (message) => this.#send(message),
    });
    this.#jobs.set(request.jobId, job);
    await job.run();
    this.#jobs.delete(request.jobId);
  }

  /** A task may have connected; closing in order spares others the wait until its leases have run out. */
  async #exit(): Promise<void> {
    await settledWithin(closeWorkerContext(), CLOSE_DEADLINE);
    this.#onExit(false);
  }

  #sendMeasured(): void {
    for (const [what, bins] of takeMeasured()) {
      // Hosts show their own.
      if (what !== "redisRoundTrip") this.#send({ type: "measured", what, ...toBinsMessage(bins) });
    }
  }

  #send(message: FromChild): void {
    if (!this.#silent) this.#port.send(message);
  }
}
