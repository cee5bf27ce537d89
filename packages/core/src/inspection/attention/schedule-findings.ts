import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { LATE_SCHEDULE } from "../../work/schedules/index.ts";
import type { AttentionFinding } from "./finding.ts";

/** Schedules that are looked at, those that are due first. */
const MOST_SCHEDULES = 200;

/**
 * Schedules whose run should have started a while ago: no host triggers them, or none can.
 * @param at - Server time, epoch ms.
 * @returns with when there may be more to find although nothing changes, epoch ms
 */
export async function scheduleFindings(
  client: RedisClient,
  keys: Keys,
  at: number,
): Promise<{ findings: AttentionFinding[]; lookAgainAt: number | null }> {
  const flat = await client.zrangebyscore(keys.schedules, "-inf", "(+inf", "WITHSCORES", "LIMIT", 0, MOST_SCHEDULES);
  const due = flat.flatMap((name, index) => (index % 2 === 0 ? [{ name, since: Number(flat[index + 1]) }] : []));
  const late = due.filter(({ since }) => at - since > LATE_SCHEDULE);
  const [first] = late;
  const next = due.find(({ since }) => at - since <= LATE_SCHEDULE);
  return {
    findings: first
      ? [{ kind: "schedule-late", level: "now", since: first.since, schedule: first.name, count: late.length }]
      : [],
    lookAgainAt: next ? next.since + LATE_SCHEDULE + 1 : null,
  };
}
