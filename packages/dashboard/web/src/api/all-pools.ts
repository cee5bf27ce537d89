import type { PoolView } from "../../../src/api/types.ts";
import { call } from "./call.ts";
import { reading } from "./queries.ts";

interface Pools {
  pools: PoolView[];
}

/** All pools, by name. When some have changed only these are read: a fleet has a thousand. */
export const allPools = reading<Pools>("/pools", {
  topics: ["pools", "hosts"],
  part: {
    topic: "pools",
    most: 50,
    read: (names) => call<Pools>(`/pools?${names.map((name) => `pool=${encodeURIComponent(name)}`).join("&")}`),
    merge: ({ pools }: Pools, { pools: read }: Pools, { names, age }): Pools => {
      const changed = new Set(names);
      // What waits in a pool of which nothing is heard goes on waiting.
      const older = pools.flatMap((pool) => {
        if (changed.has(pool.name)) return [];
        return [pool.oldestWaiting === null ? pool : { ...pool, oldestWaiting: pool.oldestWaiting + age }];
      });
      return { pools: [...older, ...read].sort((left, right) => left.name.localeCompare(right.name)) };
    },
  },
});
