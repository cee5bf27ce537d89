import type { Logger } from "@manyhands/core";
import { encodeToString, type PoolRecord, type PoolRegistry } from "@manyhands/core/internal";

/**
 * Marks a pool as failed for all hosts: its waiting jobs are answered with the reason as they are fetched.
 * @returns what says false when the pool was reset since, and so has not failed
 */
export function failPool(
  registry: PoolRegistry,
  logger: Logger,
): (pool: PoolRecord, error: unknown) => Promise<boolean> {
  return async (pool, error) => {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error(`pool "${pool.name}" fails: its initializer threw: ${reason}`);
    if (await registry.fail(pool, encodeToString(error))) return true;
    const now = await registry.get(pool.name);
    return now?.generation !== pool.generation || now.state !== "running" || now.revision === pool.revision;
  };
}
