import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { readSchedule } from "./read-schedule.ts";
import { moveSchedule } from "./schedule-scripts.ts";
import { nextDue } from "./schedule-spec.ts";

/** For clocks of tests: when the first schedule is due, epoch ms; null = none is. */
export async function firstDue({ client, keys }: { client: RedisClient; keys: Keys }): Promise<number | null> {
  const [, at] = await client.zrangebyscore(keys.schedules, "-inf", "(+inf", "WITHSCORES", "LIMIT", 0, 1);
  return at === undefined ? null : Number(at);
}

/**
 * For clocks of tests that are ahead: what is due before the clock was set, changed or resumed by the time of Redis since the
 * clock was advanced last. It becomes due after the clock, as it would be if that were the time.
 * @param now - Of the clock, epoch ms.
 */
export async function moveToClock({ client, keys }: { client: RedisClient; keys: Keys }, now: number): Promise<void> {
  if (now - (await serverTime(client)) < AHEAD) return;
  for (const name of await client.zrangebyscore(keys.schedules, "-inf", now)) {
    const known = await readSchedule(client, keys, name);
    if (known === null || known.state !== "active") continue;
    const next = nextDue(known.spec, name, { after: now, anchor: known.anchor });
    await moveSchedule.run(
      client,
      [keys.schedules, keys.schedule(name)],
      [name, known.version, known.due, next?.due ?? "", next?.at ?? ""],
    );
  }
}

/** A clock that is ahead by less goes with the time of Redis, ms. */
const AHEAD = 1_000;
