import type { Logger } from "@manyhands/core";
import { encodeToString, type PoolRecord, type PoolRegistry } from "@manyhands/core/internal";

/** Marks a pool as failed for all hosts: its waiting jobs are answered with the reason as they are fetched. */
export function failPool(registry: PoolRegistry, logger: Logger): (pool: PoolRecord, error: unknown) => Promise<void> {
  return async (pool, error) => {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error(`pool "${pool.name}" fails: its initializer threw: ${reason}`);
    await registry.fail(pool, encodeToString(error));
  };
}
