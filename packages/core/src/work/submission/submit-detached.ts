import { randomBytes } from "node:crypto";
import { PayloadTooLargeError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { announcedOptions, checkTaskName } from "../../tasks/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { announcedTasks } from "../fleet/index.ts";
import { PoolRegistry, unlimitedPool } from "../registry/index.ts";
import { rollupsOf } from "../rollups/index.ts";
import { dateDelays, JobQueue } from "./job-queue.ts";
import { effectiveOptions, noteOptions, type SubmitOptions, toJobsOptions } from "./submit-options.ts";

/** A call whose result is not waited for: its outcome is looked up in the job. */
export interface DetachedCall {
  task: string;
  /** Plain JSON. */
  args: unknown[];
  pool: string;
  options?: SubmitOptions;
  /** Live hosts, which tell the options of the task itself. */
  hosts?: readonly HostRecord[];
  /** Largest argument list, bytes. */
  maxPayload: number;
}

/** A person waits: about 1.5 s. A state that lasts longer is told, and nothing was submitted. */
const ATTEMPTS = 6;

/**
 * Submits one call that outlives this process. A pool that does not exist is made, without a limit.
 *
 * @returns the id of the job that stands for it; `isDuplicate` when deduplication found another one under way
 * @throws PayloadTooLargeError, ValueError
 */
export async function submitDetached(
  context: { client: RedisClient; keys: Keys },
  call: DetachedCall,
): Promise<{ id: string; isDuplicate: boolean }> {
  const { task, args, pool, maxPayload } = call;
  checkTaskName(task);
  assertPoolName(pool);
  const announcement = announcedTasks(call.hosts ?? []).get(task);
  const options = effectiveOptions({ options: announcedOptions(announcement) }, call.options);
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (bytes > maxPayload) {
    throw new PayloadTooLargeError(
      `the arguments of task "${task}" are ${bytes} bytes, at most ${maxPayload} can be sent; keep them elsewhere and pass ` +
        "their address",
    );
  }
  const data: JobEnvelope = { args };
  await new PoolRegistry(context.client, context.keys).create(unlimitedPool(pool));
  const jobs = new JobQueue(pool, { ...context, attempts: ATTEMPTS });
  try {
    const jobId = options?.jobId ?? `${randomBytes(8).toString("hex")}-1`;
    noteOptions(data, options);
    // 0 bytes: the job is the only place where its outcome can be looked up, so it is kept at any size.
    const opts = toJobsOptions(jobId, options, 0);
    const submission = { name: task, data, opts };
    await dateDelays(context.client, [submission]);
    const [id = jobId] = await jobs.add([submission]);
    return { id, isDuplicate: id !== jobId };
  } finally {
    await rollupsOf(context.client, context.keys).flush();
    await jobs.close();
  }
}
