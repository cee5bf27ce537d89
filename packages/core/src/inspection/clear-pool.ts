import type { Queue } from "bullmq";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../protocol/keys.ts";
import type { PoolRecord } from "../protocol/records.ts";
import { PoolRegistry } from "../registry/index.ts";
import { StoredAnswers } from "../results/stored-answers.ts";

/** Whether that generation of the pool is still in the registry. */
export async function isInRegistry(
  context: { client: RedisClient; keys: Keys },
  { name, generation }: Pick<PoolRecord, "name" | "generation">,
): Promise<boolean> {
  return (await new PoolRegistry(context.client, context.keys).get(name))?.generation === generation;
}

/**
 * Removes the queue of a terminated pool, what is kept of it, and last its record: from then on a new pool may have the
 * name. Others may do the same at the same time, so before each step the pool must still be there.
 *
 * @returns false when somebody else has finished it, or it is another pool by now
 */
export async function clearPool(
  context: { client: RedisClient; keys: Keys; queue: Queue },
  pool: Pick<PoolRecord, "name" | "generation">,
): Promise<boolean> {
  const { client, keys, queue } = context;
  const steps = [
    () => queue.obliterate({ force: true }),
    // A host that was just finishing a job may have written once more.
    () => queue.obliterate({ force: true }),
    () => new StoredAnswers(client, keys).removeAll(pool.name),
  ];
  for (const step of steps) {
    if (!(await isInRegistry(context, pool))) return false;
    await step();
  }
  return new PoolRegistry(client, keys).remove(pool.name, pool.generation);
}
