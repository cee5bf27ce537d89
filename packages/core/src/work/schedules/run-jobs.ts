import type { JobsOptions } from "bullmq";
import { AddRecorder, packStrings, type RecordedAdd } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { announcedOptions, findTask } from "../../tasks/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import type { TaskAnnouncement } from "../../wire/records/records.ts";
import { PoolRegistry, unlimitedPool } from "../registry/index.ts";
import { expiryMember } from "../results/expiries.ts";
import { poolLabel, rollupsOf } from "../rollups/index.ts";
import { effectiveOptions, noteOptions, toJobsOptions } from "../submission/submit-options.ts";
import type { ScheduleSpec } from "./schedule-spec.ts";

/** A run of a schedule on its way to BullMQ. */
export interface ScheduledRun {
  /** When it is due, epoch ms. */
  due: number;
  /** Of its job. */
  id: string;
}

/** Id of the job of a run: a run that is triggered twice is one job. */
export function runId(name: string, due: number): string {
  return `${name}@${due}`;
}

/** Id of the job of a run that was started by hand: it takes that of no due time. */
export function manualRunId(name: string, at: number): string {
  return `${runId(name, at)}-manual`;
}

/** Makes the jobs of runs of schedules. */
export class RunJobs {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #recorders = new Map<string, AddRecorder>();

  constructor(context: { client: RedisClient; keys: Keys }) {
    this.#client = context.client;
    this.#keys = context.keys;
  }

  /**
   * What BullMQ would have Redis do to add the runs. It makes the pool where it does not exist.
   * @param announced - The task as live hosts announce it.
   */
  async record(
    { name, spec }: { name: string; spec: ScheduleSpec },
    runs: readonly ScheduledRun[],
    announced: TaskAnnouncement | null,
  ): Promise<RecordedAdd[]> {
    const options = effectiveOptions(
      findTask(spec.task) ?? { options: announcedOptions(announced ?? undefined) },
      spec.options,
    );
    const { pool, task } = spec;
    const jobs = runs.map(({ due, id }) => {
      const data: JobEnvelope = { ...spec.args, schedule: name };
      noteOptions(data, { ...options, jobId: id });
      // The index finds the tags at the start of the data.
      const opts: JobsOptions = { ...toJobsOptions(id, options, 0), timestamp: due };
      return { name: task, data: data.tags === undefined ? data : { tags: data.tags, ...data }, opts };
    });
    await new PoolRegistry(this.#client, this.#keys).create(unlimitedPool(pool));
    const expiring = jobs.flatMap(({ data, opts }) =>
      data.expires === undefined ? [] : [(opts.timestamp ?? 0) + data.expires, expiryMember(pool, opts.jobId ?? "")],
    );
    // Before the jobs are there: a job without an entry might never expire.
    if (expiring.length > 0) await this.#client.zadd(this.#keys.expiries, ...expiring);
    return this.#recorderOf(pool).record(jobs);
  }

  /** Counts the runs whose jobs were added. */
  count({ pool, task }: ScheduleSpec, runs: number): void {
    rollupsOf(this.#client, this.#keys).of(poolLabel(pool), task).add("submitted", runs);
  }

  async close(): Promise<void> {
    const recorders = [...this.#recorders.values()];
    this.#recorders.clear();
    await Promise.all(recorders.map((recorder) => recorder.close()));
  }

  #recorderOf(pool: string): AddRecorder {
    const known = this.#recorders.get(pool);
    if (known) return known;
    const recorder = new AddRecorder({ client: this.#client, keys: this.#keys }, pool);
    this.#recorders.set(pool, recorder);
    return recorder;
  }
}

/** The arguments of the jobs for one script of ours, and how many are one job's. */
export function packAdds(adds: readonly RecordedAdd[]): [packed: Buffer, each: number] {
  return [packStrings(adds.flatMap(({ args }) => args)), adds[0]?.args.length ?? 0];
}
