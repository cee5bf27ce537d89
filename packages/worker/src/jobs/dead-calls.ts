import { randomUUID } from "node:crypto";
import type { DeadTask } from "@manyhands/core";
import {
  decode,
  decodeError,
  decodeFromString,
  decodeUnits,
  encodeToString,
  type JobEnvelope,
  originOf,
  packArgument,
  type UnitAnswer,
} from "@manyhands/core/internal";
import type { JobRun } from "./job-run.ts";
import type { PoolJob } from "./pool-job.ts";

/** How a job failed for good: its run, or the error that it was refused with. */
const failures = new WeakMap<PoolJob, Pick<JobRun, "answers" | "count"> | Uint8Array>();

/** Notes why a job fails that is perhaps not tried again. */
export function noteFailure(job: PoolJob, failure: Pick<JobRun, "answers" | "count"> | Uint8Array): void {
  failures.set(job, failure);
}

/** Arguments of BullMQ's addStandardJob, three for each job. */
export type AddedJobs = (string | Buffer)[];

/**
 * The calls of `onDead` for a job that has failed for good: one for each call of it that failed, and none for those that were
 * cancelled. A job that is such a call itself has none, so that no two of them call each other without end.
 */
export function deadCalls(
  job: PoolJob,
  onDead: string | undefined,
  context: { queue: string; error: Error },
): AddedJobs {
  if (onDead === undefined || job.data.deadOf !== undefined) return [];
  return deadTasks(job, context.error).flatMap((dead) => {
    const data: JobEnvelope = { encodedArgs: encodeToString([dead]), deadOf: dead.id };
    const id = `dead-${randomUUID()}`;
    return [packArgument([context.queue, id, onDead, Date.now()]), JSON.stringify(data), packArgument({})];
  });
}

/**
 * Data of the call that follows when the failure of this job fails its workflow: what `onDead` would get, of the workflow, with
 * the id of the step.
 */
export function failedWorkflowData(job: PoolJob, workflow: string, error: Error): string {
  const id = job.id ?? "";
  const [dead = { task: job.name, attempts: job.attemptsMade + 1, args: argumentsOrNone(job), error }] = deadTasks(
    job,
    error,
  );
  const failed = { ...dead, id: workflow, step: id };
  return JSON.stringify({ encodedArgs: encodeToString([failed]) } satisfies JobEnvelope);
}

function argumentsOrNone({ data }: PoolJob): unknown[] {
  return readable(() => argumentsOf(data), []);
}

function deadTasks(job: PoolJob, error: Error): DeadTask[] {
  const facts = { task: job.name, attempts: job.attemptsMade + 1 };
  const id = job.id ?? "";
  const noted = failures.get(job);
  if (noted === undefined || noted instanceof Uint8Array) {
    return [{ ...facts, id, args: argumentsOrNone(job), error: noted ? decodeError(noted) : error }];
  }
  const answers = noted.answers.flatMap((bytes) => decode(bytes) as UnitAnswer[]);
  return answers.flatMap(([unit, ok, value]) => {
    if (ok === 1) return [];
    const reason = decodeError(value as Uint8Array);
    if (reason instanceof Error && reason.name === "CancelledError") return [];
    const args = readable(() => argumentsOf(job.data, unit, reason), []);
    return [{ ...facts, id: noted.count > 1 ? `${id}.${unit}` : id, args, error: reason }];
  });
}

/** Of one call; of a chunk those of the item that failed, or all of its items where it is not known which did. */
function argumentsOf(data: JobEnvelope, unit = 0, error?: unknown): unknown[] {
  if (data.encodedArgs !== undefined) return decodeFromString(data.encodedArgs) as unknown[];
  if (data.units === undefined) return data.args ?? [];
  const content = (decodeUnits(data.units) as unknown[][])[unit] ?? [];
  if (data.kind === "calls") return content;
  const item = content.length === 1 ? 0 : originOf(error as Error)?.item;
  if (item === undefined) return content;
  return data.kind === "starItems" ? (content[item] as unknown[]) : [content[item]];
}

function readable<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
