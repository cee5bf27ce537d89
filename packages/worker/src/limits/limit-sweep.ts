import {
  forgetLimits,
  type Keys,
  type PoolRecord,
  type RedisClient,
  readHosts,
  releaseHeldBack,
} from "@manyhands/core/internal";
import { sweepTurns } from "./limit-scripts.ts";
import { limitsInForce } from "./limits-in-force.ts";

/** A pool, as the sweep sees it. */
export interface SweptPool {
  readonly name: string;
  readonly record: PoolRecord;
  /** Whether jobs of it have limits, as far as this host knows. */
  readonly isLimited: boolean;
  /** Limits hold jobs of it back: its jobs are taken in turn from now on. */
  takeInTurn(): void;
}

/**
 * Looks at the pools that have, or had, limits: 1. the places of jobs that were lost with their host, or removed by hand, come
 * free; 2. a turn that nothing announces is announced; 3. of a pool without limits nothing is held back any more. A pool has
 * limits when any live host says so: this one may not know the task.
 */
export async function sweepLimits(
  { client, keys }: { client: RedisClient; keys: Keys },
  pools: readonly SweptPool[],
): Promise<void> {
  const states = pools.map(({ name }) => keys.limits(name));
  if (states.length === 0 || (await client.exists(...states)) === 0) return;
  for (const pool of pools) {
    const { name, isLimited } = pool;
    if ((await client.exists(keys.limits(name))) === 0) continue;
    if (isLimited || (await isLimitedElsewhere({ client, keys }, pool.record))) await sweepOne({ client, keys }, pool);
    else if (await releaseHeldBack({ client, keys }, name)) await forgetLimits({ client, keys }, name);
  }
}

async function isLimitedElsewhere(place: { client: RedisClient; keys: Keys }, record: PoolRecord): Promise<boolean> {
  const { records } = await readHosts(place.client, place.keys);
  return records.some(
    ({ pools, tasks }) => (pools === null || pools.includes(record.name)) && limitsInForce(record, tasks) !== undefined,
  );
}

async function sweepOne({ client, keys }: { client: RedisClient; keys: Keys }, pool: SweptPool): Promise<void> {
  const { name } = pool;
  const parts = (["active", "wait", "prioritized", "meta", "marker"] as const).map((part) => keys.queue(name, part));
  let cursor = "0";
  do {
    const [next, , isOpen] = await sweepTurns.run(client, parts, [keys.prefix, name, keys.jobs(name), cursor]);
    if (isOpen === 1) pool.takeInTurn();
    cursor = next;
  } while (cursor !== "0");
}
