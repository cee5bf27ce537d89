import { WorkerLostError } from "@manyhands/core";
import { type Keys, type RedisClient, Script } from "@manyhands/core/internal";
import { stepOf } from "../workflows/step-of-job.ts";
import type { PoolJob } from "./pool-job.ts";

/**
 * A job that was under way on so many hosts when they were lost is set aside: it may be what ends them, and it must not end
 * a fourth. BullMQ counts in the script that takes the job back from a lost host (`stc`), so the count is there before
 * the job can start again. Hosts that stop in order give their jobs back, and do not count; one that was frozen or cut off
 * takes its count back ({@link forgiveLoss}).
 */
export const MOST_HOST_LOSSES = 3;

/** True when the job has been lost with too many hosts to be started again. */
export function isSetAside(job: PoolJob): boolean {
  return job.stalledCounter >= MOST_HOST_LOSSES;
}

/** What its caller, and a reader of the failed job, is told. */
export function setAsideError(job: PoolJob): WorkerLostError {
  const workflow = stepOf(job)?.workflow;
  const retry = workflow === undefined ? `task retry ${job.id}` : `workflow retry ${workflow}`;
  return new WorkerLostError(
    `task "${job.name}" (job ${job.id}) was set aside: the ${MOST_HOST_LOSSES} hosts that ran it, one after the other, ` +
      "were killed or lost while it ran, so it may be what ends them; look at their logs and at its arguments. " +
      `To run it again: manyhands ${retry}`,
  );
}

/** What BullMQ answers to a host that no longer has the lock of a job. */
const NO_LONGER_OURS = /Missing lock|Lock mismatch|not in the active state/;

/** This host lives and has only lost the job's lock: its loss does not count, whether it is counted already or not. */
export async function forgiveLoss(
  place: { client: RedisClient; keys: Keys },
  job: PoolJob,
  answer: Error,
): Promise<void> {
  if (!NO_LONGER_OURS.test(answer.message)) return;
  await changeLosses.run(place.client, [place.keys.job(job.queueName, job.id ?? "")], ["forgive"]);
}

/** The job has failed for good: when it is retried on purpose, it counts anew. */
export async function forgetLosses(place: { client: RedisClient; keys: Keys }, job: PoolJob): Promise<void> {
  await changeLosses.run(place.client, [place.keys.job(job.queueName, job.id ?? "")], ["forget"]);
}

/**
 * KEYS[1] hash of the job
 * ARGV[1] "forgive": one loss less; "forget": none
 * Returns 1, or 0 when the job is gone.
 */
const changeLosses = new Script<number>({
  name: "changeHostLosses",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
if ARGV[1] == "forget" then redis.call("HDEL", KEYS[1], "stc") else redis.call("HINCRBY", KEYS[1], "stc", -1) end
return 1
`,
});
