import type { JobsOptions } from "bullmq";
import type { AnyTask } from "../../tasks/index.ts";
import { LIMIT_KEY_OPTION } from "../../wire/records/job.ts";
import { type Limits, limitKeyOf } from "../../wire/records/limits.ts";

/** A call of which limits may count the key. */
export interface KeyedCall {
  task: string;
  /** Its definition, where this program has it. */
  definition: AnyTask | undefined;
  /** Its arguments; of a chunk of items those of the first. */
  args: unknown;
  /** Computes the key for tasks without limits of their own, as this program was told for the pool. */
  poolKey: Limits["key"];
}

/**
 * Writes into the options of a job the key that limits count it under, where they do not say it and this program can compute
 * it. Where it cannot, a host does, for limits of a task.
 * @throws ValueError when the function fails, or gives no key
 */
export function noteLimitKey(opts: JobsOptions, { task, definition, args, poolKey }: KeyedCall): void {
  if (LIMIT_KEY_OPTION in opts) return;
  const key = definition?.options.limits ? definition.options.limits.key : poolKey;
  if (key) Object.assign(opts, { [LIMIT_KEY_OPTION]: limitKeyOf(task, key, Array.isArray(args) ? args : []) });
}
