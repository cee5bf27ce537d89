import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { readPairs, readSummed } from "./read-rollups.ts";
import { ALL_PAIRS, forgetPairs, HOUR, HOURS_KEPT, sumHour } from "./rollup-scripts.ts";

/** Pairs that one script sums: each has 60 minutes. */
const PAIRS_PER_SCRIPT = 10;
/** Hours back whose minutes are still there. */
const HOURS_OF_MINUTES = 2;

/**
 * Writes the figures of the hours that are over, from those of their minutes, and forgets pairs that have none left. One host
 * does so for the fleet, once an hour; each other time it reads one key.
 */
export async function sumHours(client: RedisClient, keys: Keys): Promise<void> {
  const [now, summed] = [await serverTime(client), await readSummed(client, keys)];
  const present = Math.floor(now / HOUR);
  const first = Math.max(summed + 1, present - HOURS_OF_MINUTES);
  if (first >= present) return;
  const { pairs, pools } = await readPairs(client, keys);
  const numbers = [ALL_PAIRS, ...pools.values(), ...pairs.map(({ number }) => number)];
  for (let hour = first; hour < present; hour += 1) {
    for (let from = 0; from < numbers.length; from += PAIRS_PER_SCRIPT) {
      const some = numbers.slice(from, from + PAIRS_PER_SCRIPT);
      await sumHour.run(client, [keys.rollupPairs], [keys.prefix, hour, ...some]);
    }
    await client.set(keys.rollupSummed, String(hour), "PX", HOURS_KEPT);
  }
  await forgetPairs.run(client, [keys.rollupPairs], [keys.prefix]);
}
