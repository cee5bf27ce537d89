import {
  endedAnswer,
  type JobReturn,
  type Keys,
  type Milliseconds,
  type ProcessEnded,
  type ProcessEnding,
  type ProcessRegistry,
  type RedisClient,
  retry,
  startedAnswer,
  unlessAborted,
  unlimitedPool,
  withinReach,
} from "@manyhands/core/internal";
import { DelayedError, UnrecoverableError, WaitingError } from "bullmq";
import type { ChildSupply } from "../children/child-supply.ts";
import { ChildUnavailable } from "../children/child-unavailable.ts";
import { ProcessExecutor } from "../executor/process-executor.ts";
import type { JobHost } from "../jobs/job-host.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { UnknownTasks } from "../jobs/unknown-tasks.ts";
import { type ProcessJob, readProcessJob } from "./process-job.ts";
import { ProcessOutput } from "./process-output.ts";
import { ProcessRun } from "./process-run.ts";

export interface ProcessRunnerOptions {
  host: JobHost & { supply: ChildSupply };
  registry: ProcessRegistry;
  /** A process has started or ended here. */
  onChange: () => void;
}

/** A job whose process runs on another host is looked at again after this, ms. */
const LOOK_AGAIN: Milliseconds = 5_000;
/** How often the end of a process is recorded while Redis fails over: for about 50 s. */
const FINISH_ATTEMPTS = 54;
/** How long giving a job back may take before it is left to the expiry of its lock, ms. */
const GIVE_BACK_DEADLINE: Milliseconds = 1_000;

/** Runs the processes of this host, each once, in a child of its own that ends with it. */
export class ProcessRunner {
  readonly #host: ProcessRunnerOptions["host"];
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #logger: JobHost["logger"];
  readonly #registry: ProcessRegistry;
  readonly #onChange: () => void;
  readonly #unknownTasks: UnknownTasks;
  readonly #runs = new Map<string, ProcessRun>();
  /** Ends the waits for children of processes that have not begun. */
  readonly #starting = new Set<() => void>();
  #isAbandoned = false;
  /** Processes of which Redis knew nothing at the last look. */
  #unknown = new Set<string>();

  constructor({ host, registry, onChange }: ProcessRunnerOptions) {
    this.#host = host;
    this.#client = host.client;
    this.#keys = host.keys;
    this.#logger = host.logger;
    this.#registry = registry;
    this.#onChange = onChange;
    this.#unknownTasks = new UnknownTasks(host);
  }

  list(): ProcessRun[] {
    return [...this.#runs.values()];
  }

  /** Ends a process; does nothing when it does not run here. */
  end(id: string, how: ProcessEnding): void {
    this.#runs.get(id)?.end(how);
  }

  /** Compares what runs here with what Redis says of it: requests to end whose message was lost, and processes that others have given up. */
  async check(): Promise<void> {
    if (this.#runs.size === 0 || this.#client.status !== "ready") return;
    const runs = this.list();
    const glances = await this.#registry.glance(runs.map((run) => run.id));
    const unknown = new Set<string>();
    for (const [index, run] of runs.entries()) {
      const glance = glances[index] ?? null;
      if (glance?.state === "running" && glance.run === run.run) {
        if (glance.wish !== "") run.end(glance.wish);
      } else if (glance || this.#unknown.has(run.id)) {
        run.abandon(glance?.lost ?? "Redis no longer knows it");
      } else unknown.add(run.id);
    }
    this.#unknown = unknown;
  }

  /** Asks what runs to end by itself; what does not handle SIGTERM is lost with its host at once. */
  askAllToStop(): void {
    this.#isAbandoned = true;
    for (const giveUp of this.#starting) giveUp();
    for (const run of this.list()) if (!run.askToStop()) this.#abandon(run);
  }

  /** Kills what still runs: it is lost with its host. What has not begun goes back, for another host. */
  abandonAll(): void {
    this.#isAbandoned = true;
    for (const giveUp of this.#starting) giveUp();
    for (const run of this.list()) this.#abandon(run);
  }

  /** Runs the process of a job to its end. */
  async run(job: PoolJob, token: string): Promise<JobReturn> {
    const process = readProcessJob(job);
    if (!process) throw new UnrecoverableError("this is no process: start one with mp.process()");
    const pool = { ...unlimitedPool(job.queueName), createdAt: 0 };
    await this.#unknownTasks.check({ job, token, pool });
    let executor: ProcessExecutor | null;
    try {
      executor = await this.#takeChild();
    } catch (error) {
      // This host's own trouble: the process is for another, or for later.
      if (error instanceof ChildUnavailable) throw await this.#giveBack(job, token);
      return this.#refuse({ job, token, process }, error as Error);
    }
    if (!executor) throw await this.#giveBack(job, token);
    const { client, keys, logger, echoOutput, id: hostId, name } = this.#host;
    const echo = echoOutput
      ? (text: string, stream: "stdout" | "stderr") => void globalThis.process[stream].write(text)
      : null;
    const run = new ProcessRun(process, executor, { client, keys, logger, hostName: name, echo });
    const place = { hostId, host: name, pid: run.pid };
    const beginning = await this.#registry
      .begin({ order: run.request.order, queue: job.queueName }, run.run, place)
      .catch((error) => {
        this.#host.supply.giveBack(executor);
        throw error;
      });
    if (beginning.state === "begun") {
      this.#host.supply.uncount(executor);
      return this.#live(run);
    }
    this.#host.supply.giveBack(executor);
    if (beginning.state === "over") return this.tell(run.client, run.id, { ended: beginning, pid: 0 });
    return this.#lookAgain(job, token);
  }

  async #live(run: ProcessRun): Promise<JobReturn> {
    const { replies, name } = this.#host;
    this.#runs.set(run.id, run);
    this.#onChange();
    replies.post(run.client, [run.id, startedAnswer({ pid: run.pid, host: name }), name, run.pid]);
    if (this.#isAbandoned) this.#abandon(run);
    try {
      const ended = await run.untilEnd();
      const agreed = (await this.#finish(run, ended)) ?? ended;
      return await this.tell(run.client, run.id, { ended: agreed, pid: run.pid });
    } finally {
      this.#runs.delete(run.id);
      this.#onChange();
    }
  }

  /** Records how a process ended, also in a Redis that refuses it for a while: no other host knows. */
  async #finish(run: ProcessRun, ended: ProcessEnded): Promise<ProcessEnded | null> {
    return retry(() => this.#registry.finish(run.id, run.run, ended), {
      ...{ first: 50, longest: 1_000, ref: false },
      isFinal: (_, failures) => failures >= FINISH_ATTEMPTS || this.#client.status === "end",
    });
  }

  #abandon(run: ProcessRun): void {
    run.abandon(`host "${this.#host.name}" was stopped`);
  }

  /** @returns null when the host is stopped before it has a child */
  async #takeChild(): Promise<ProcessExecutor | null> {
    const { supply } = this.#host;
    const gaveUp = new AbortController();
    const giveUp = (): void => gaveUp.abort();
    if (this.#isAbandoned) return null;
    this.#starting.add(giveUp);
    const taken = supply.take("process");
    const inTime = await unlessAborted(taken, gaveUp.signal).finally(() => this.#starting.delete(giveUp));
    if (this.#isAbandoned) {
      taken.then(
        (late) => supply.giveBack(late),
        () => {},
      );
      return null;
    }
    if (inTime?.value instanceof ProcessExecutor) return inTime.value;
    throw new Error("a process needs a child that is a process");
  }

  /** Puts a process that has not begun back in front of the line; if Redis is away, its lock will expire. */
  async #giveBack(job: PoolJob, token: string): Promise<Error> {
    await withinReach(this.#client, job.moveToWait(token), GIVE_BACK_DEADLINE);
    return new WaitingError();
  }

  /** Puts the job of a process that runs on another host off: that host may have lost the job's lock. */
  async #lookAgain(job: PoolJob, token: string): Promise<never> {
    await job.moveToDelayed(Date.now() + LOOK_AGAIN, token);
    throw new DelayedError();
  }

  /** A process that cannot be made to run has failed, with the reason on its stderr; not one that runs elsewhere. */
  async #refuse({ job, token, process }: ProcessToRun, error: Error): Promise<JobReturn> {
    const { id } = process.request.order;
    const failed: ProcessEnded = { exitcode: 1, lost: null };
    const ended = await this.#registry.finish(id, null, failed);
    if (!ended && (await this.#registry.glance([id]))[0]?.state === "running") return this.#lookAgain(job, token);
    const output = this.#output(process);
    output.add("stderr", `Process ${process.request.order.name}:\n${error.name}: ${error.message}\n`);
    await output.finish();
    return this.tell(process.client, id, { ended: ended ?? failed, pid: 0 });
  }

  #output({ client, request }: ProcessJob): ProcessOutput {
    return new ProcessOutput({
      client: this.#client,
      keys: this.#keys,
      processId: request.order.id,
      reader: client,
      hostName: this.#host.name,
      pid: 0,
      onError: (error) => this.#logger.warn(error.message),
    });
  }

  /** Tells the client that started a process how it ended. @returns what its job is to keep */
  async tell(client: string, id: string, { ended, pid }: { ended: ProcessEnded; pid: number }): Promise<JobReturn> {
    const { replies, name, id: hostId } = this.#host;
    const answers = endedAnswer({ exitcode: ended.exitcode, lost: ended.lost });
    replies.post(client, [id, answers, name, pid]);
    await replies.sent();
    return { answers: [answers.toString("base64")], host: name, hostId, pid, duration: 0 };
  }

  /** BullMQ gave the job up before it ran: hosts that took it died one after the other. A process that runs is left alone. */
  async givenUp(job: PoolJob, reason: Error): Promise<void> {
    const process = readProcessJob(job);
    if (!process) return;
    const { id } = process.request.order;
    const lost = `it could not be started: ${reason.message}`;
    const ended = await this.#registry.finish(id, null, { exitcode: null, lost });
    if (ended) await this.tell(process.client, id, { ended, pid: 0 });
  }
}

interface ProcessToRun {
  job: PoolJob;
  token: string;
  process: ProcessJob;
}
