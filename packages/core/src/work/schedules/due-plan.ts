import { setImmediate } from "node:timers/promises";
import type { Milliseconds } from "../../time/index.ts";
import type { StoredSchedule } from "./read-schedule.ts";
import { runId, type ScheduledRun } from "./run-jobs.ts";
import { LONGEST_QUEUE } from "./schedule-scripts.ts";
import { type DueTime, nextDue } from "./schedule-spec.ts";

/** A due time that is seen to so late is missed, unless it is the last one and no later than this, ms. */
export const LATE_SCHEDULE: Milliseconds = 30_000;
/** Due times that are counted one by one after an outage; of a cron expression those between them and the last ones are not. */
const MOST_COUNTED = 100_000;
/** Mean times between two due times before now at which counting goes on then. */
const SPAN = 10 * LONGEST_QUEUE;
/** Due times after which others have their turn. */
const AT_A_TIME = 500;

/** What is to be done about the due times of a schedule that have come. */
export interface Plan {
  /** To be run, the oldest first. */
  runs: ScheduledRun[];
  /** Left out because they are long over. */
  missed: { count: number; last: number | null };
  next: DueTime | null;
  /** When the last of them may start, epoch ms. */
  at: number;
}

/** Plans for the due times up to now. @param now - Time of Redis, epoch ms. */
export async function planOf(schedule: StoredSchedule, now: number): Promise<Plan> {
  const { name, spec } = schedule;
  const { come, count, next } = await dueTimes(schedule, now);
  const last = come.at(-1) as DueTime;
  const kept = runsOf(spec.missed, count, now - last.at);
  const runs = come.slice(come.length - kept).map(({ due }) => ({ due, id: runId(name, due) }));
  const missed = { count: count - kept, last: come.at(-kept - 1)?.due ?? null };
  return { runs, missed, next, at: last.at };
}

/** The last due times up to now, how many have come in all, and the next one. */
async function dueTimes(
  schedule: StoredSchedule,
  now: number,
): Promise<{ come: DueTime[]; count: number; next: DueTime | null }> {
  const { name, spec, anchor } = schedule;
  const first = Number(schedule.due);
  const come: DueTime[] = [{ due: first, at: schedule.at ?? first }];
  let count = 1;
  let hasJumped = false;
  for (let after = first; ; ) {
    const next = nextDue(spec, name, { after, anchor });
    if (next === null || next.at > now) return { come, count, next };
    after = next.due;
    come.push(next);
    count += 1;
    if (come.length > LONGEST_QUEUE + 1) come.shift();
    if (count % AT_A_TIME === 0) await setImmediate();
    if (count >= MOST_COUNTED && !hasJumped) {
      hasJumped = true;
      const to = Math.floor(Math.min(now, spec.until ?? now) - SPAN * ((after - first) / count));
      if (to > after) {
        if (spec.every !== null) count += Math.floor((to - after) / spec.every);
        after = to;
      }
    }
  }
}

/** How many of the due times that have come are run, the last ones. @param late - Of the last one, ms */
function runsOf(missed: StoredSchedule["spec"]["missed"], come: number, late: Milliseconds): number {
  if (missed === "all") return Math.min(come, LONGEST_QUEUE);
  if (missed === "last" || late <= LATE_SCHEDULE) return 1;
  return 0;
}
