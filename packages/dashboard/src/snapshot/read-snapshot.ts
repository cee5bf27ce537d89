import {
  type Keys,
  type PoolRecord,
  PoolRegistry,
  type RedisClient,
  readHosts,
  readPoolCounts,
} from "@manyhands/core/internal";
import type { Snapshot } from "./snapshot.ts";

/**
 * Reads the state of a namespace in three round trips, independent of the number of pools and hosts. It only reads, and only
 * commands whose cost does not grow with the number of jobs, so it neither disturbs the hosts nor recreates the keys of a
 * pool that was removed. Records that cannot be read are left out: `manyhands doctor` names those.
 */
export async function readSnapshot(client: RedisClient, keys: Keys): Promise<Snapshot> {
  const readPools = async () => {
    const records = (await new PoolRegistry(client, keys).list()).sort(namedFirst);
    return {
      records,
      ...(await readPoolCounts(
        client,
        keys,
        records.map(({ name }) => name),
      )),
    };
  };
  const [{ at, records, counts }, { records: hosts }] = await Promise.all([readPools(), readHosts(client, keys)]);
  const pools = records.flatMap((record, index) => {
    const read = counts[index];
    if (!read) return [];
    const { name, size, owner } = record;
    return {
      ...{ name, size },
      unnamed: owner !== null,
      paused: read.paused,
      jobs: read.jobs,
      oldestWaiting: read.oldestWaiting,
    };
  });
  return { at, pools, hosts };
}

function namedFirst(left: PoolRecord, right: PoolRecord): number {
  return Number(left.owner !== null) - Number(right.owner !== null) || left.name.localeCompare(right.name);
}
