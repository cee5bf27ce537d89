import type { Queue as BullQueue, JobsOptions, Telemetry } from "bullmq";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../keys.ts";
import { type Backend, commandsOf, type Entry } from "./add-in-bulk.ts";
import { BULL_SCRIPTS } from "./composed-script.ts";
import { openBullQueue } from "./open-bull-queue.ts";

/** The scripts of BullMQ that add a job without a parent. */
const ADDING_SCRIPTS = ["addStandardJob", "addPrioritizedJob", "addDelayedJob"] as const;
export type AddingScript = (typeof ADDING_SCRIPTS)[number];

/** What BullMQ would have Redis do to add a job. */
export interface RecordedAdd {
  script: AddingScript;
  keys: string[];
  args: (string | Buffer)[];
}

/**
 * Gives the scripts by which BullMQ would add jobs to a queue, and adds none: for scripts of ours that add jobs together with
 * something else, in one step.
 */
export class AddRecorder {
  readonly #queue: BullQueue;
  #recorded: RecordedAdd[] = [];
  #recording: Promise<unknown> = Promise.resolve();

  constructor(
    { telemetry, ...context }: { client: RedisClient; keys: Keys; telemetry?: Telemetry | undefined },
    pool: string,
  ) {
    this.#queue = openBullQueue(context, pool, { telemetry });
    const { backend } = this.#queue as unknown as { backend: Backend<Entry> };
    backend.addJobs = async (entries) => {
      const commands = commandsOf(backend, entries);
      if (commands === null) throw new Error("BullMQ adds these jobs by more than one script each");
      this.#recorded = commands.map(([name, parameters]) => {
        const script = ADDING_SCRIPTS.find((one) => name.includes(one));
        if (script === undefined) throw new Error(`BullMQ adds a job by ${name}, which is not known here`);
        const count = BULL_SCRIPTS[script];
        return { script, keys: parameters.slice(0, count) as string[], args: parameters.slice(count) };
      });
      return entries.map(({ jobId }) => jobId ?? "");
    };
  }

  record(jobs: readonly { name: string; data: unknown; opts: JobsOptions }[]): Promise<RecordedAdd[]> {
    // One after another: BullMQ does not say for which call it adds.
    const recording = this.#recording.then(async () => {
      await this.#queue.addBulk(jobs.map((job) => ({ ...job })));
      return this.#recorded;
    });
    this.#recording = recording.catch(() => {});
    return recording;
  }

  async close(): Promise<void> {
    await this.#queue.close().catch(() => {});
  }
}
