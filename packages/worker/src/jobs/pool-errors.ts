import { PoolTerminatedError, ValidationError } from "@manyhands/core";
import { decodeFromString, type PoolRecord } from "@manyhands/core/internal";

/** Why the jobs of a failed pool fail: the error of its initializer is the cause. */
export function poolFailedError(pool: PoolRecord): Error {
  let cause: unknown;
  try {
    cause = pool.failure === null ? undefined : decodeFromString(pool.failure);
  } catch (error) {
    cause = new ValidationError(`the reason cannot be read: ${(error as Error).message}`);
  }
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new PoolTerminatedError(`pool "${pool.name}" has failed: its initializer threw${reason}${remedy(pool)}`, {
    cause,
  });
}

function remedy({ name, owner }: PoolRecord): string {
  if (owner !== null) return "";
  return `; fix it, then make the pool again with mp.pool(), or run: manyhands pool reset ${name}`;
}

export function poolTerminatedError(pool: PoolRecord, task: string, jobId: string): Error {
  return new PoolTerminatedError(`pool "${pool.name}" was terminated while task "${task}" (job ${jobId}) was running`);
}
