import { createHash } from "node:crypto";
import { assertOptions, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import { checkReach } from "../../tasks/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import { DEFAULT_POOL } from "../registry/index.ts";
import { effectiveOptions, type SubmitOptions } from "../submission/submit-options.ts";
import { nextCronTime, parseCron } from "./cron.ts";
import { assertTimeZone } from "./local-time.ts";
import { MISSED, type Missed, OVERLAPS, type Overlap, type ScheduleOptions } from "./schedule-view.ts";

/** What Redis keeps of a schedule as it was set, as JSON. */
export interface ScheduleSpec {
  task: string;
  /** As in the envelope of a job. */
  args: Pick<JobEnvelope, "args" | "encodedArgs">;
  pool: string;
  cron: string | null;
  every: Milliseconds | null;
  timeZone: string;
  from: number | null;
  until: number | null;
  limit: number | null;
  jitter: Milliseconds;
  overlap: Overlap;
  missed: Missed;
  /** Of each run. */
  options: SubmitOptions;
}

/** Shortest time between two due times, ms. */
const SHORTEST_INTERVAL: Milliseconds = 100;
/** Latest moment that can be given: the end of the year 9999, epoch ms. A Date ends much later, and clocks of zones before. */
const LATEST = Date.UTC(10_000, 0) - 1;

const OPTIONS = optionsOf<ScheduleOptions>({
  ...{ cron: true, every: true, timeZone: true, from: true, until: true, limit: true, jitter: true },
  ...{ overlap: true, missed: true, pool: "text", tags: true, priority: true, attempts: true, backoff: true },
  ...{ timeout: true, softTimeout: true, expires: true, resultTtl: true, limitKey: true },
});

/** The one rule for the name of a schedule. @throws ValueError */
export function assertScheduleName(name: unknown): asserts name is string {
  if (typeof name === "string" && /^[A-Za-z0-9_.-]{1,100}$/.test(name) && !/^\d+$/.test(name)) return;
  throw new ValueError(`a schedule's name is 1 to 100 letters, digits or _ . - and not a number; got ${got(name)}`);
}

/**
 * Checks the options of a schedule and fills in what is left out.
 * @throws ValueError naming the option, what it must be and what was got
 */
export function toSpec(options: ScheduleOptions, call: Pick<ScheduleSpec, "task" | "args">): ScheduleSpec {
  assertOptions("the options of a schedule", options, OPTIONS);
  const { cron, every, timeZone = "UTC", limit, jitter = 0, overlap = "allow", missed = "last" } = options;
  if ((cron === undefined) === (every === undefined)) {
    throw new ValueError(`a schedule has either cron or every; got ${cron === undefined ? "neither" : "both"}`);
  }
  assertTimeZone(timeZone);
  if (cron !== undefined) parseCron(cron);
  if (every !== undefined && !(Number.isSafeInteger(every) && every >= SHORTEST_INTERVAL)) {
    throw new ValueError(`every must be whole milliseconds from ${SHORTEST_INTERVAL}; got ${got(every)}`);
  }
  checkReach("every", every);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new ValueError(`limit must be a whole number of runs from 1; got ${got(limit)}`);
  }
  if (!(typeof jitter === "number" && jitter >= 0 && Number.isFinite(jitter))) {
    throw new ValueError(`jitter must be milliseconds from 0; got ${got(jitter)}`);
  }
  checkReach("jitter", jitter);
  assertOneOf("overlap", overlap, OVERLAPS);
  assertOneOf("missed", missed, MISSED);
  const from = toEpoch("from", options.from);
  const until = toEpoch("until", options.until);
  if (from !== null && until !== null && until < from) {
    throw new ValueError(
      `until must not be before from; got ${new Date(until).toISOString()} and ${new Date(from).toISOString()}`,
    );
  }
  const pool = options.pool ?? DEFAULT_POOL;
  assertPoolName(pool);
  const { tags, priority, attempts, backoff, timeout, softTimeout, expires, resultTtl, limitKey } = options;
  const own = { tags, priority, attempts, backoff, timeout, softTimeout, expires, resultTtl, limitKey };
  return {
    ...call,
    ...{ pool, cron: cron?.trim() ?? null, every: every ?? null, timeZone, from, until, limit: limit ?? null },
    ...{ jitter, overlap, missed },
    options: effectiveOptions(undefined, own) ?? {},
  };
}

function assertOneOf(name: string, value: unknown, values: readonly string[]): void {
  if (values.includes(value as string)) return;
  throw new ValueError(`${name} must be ${values.map((one) => `"${one}"`).join(", ")}; got ${got(value)}`);
}

function toEpoch(name: string, moment: unknown): number | null {
  if (moment === undefined || moment === null) return null;
  const epoch = moment instanceof Date ? moment.getTime() : moment;
  if (typeof epoch === "number" && Number.isFinite(epoch) && Math.abs(epoch) <= LATEST) return Math.floor(epoch);
  throw new ValueError(
    `${name} must be a Date, or milliseconds since 1970, no later than the year 9999; got ${got(moment)}`,
  );
}

/** A due time, and when its run starts: later by the jitter. Epoch ms. */
export interface DueTime {
  due: number;
  at: number;
}

/**
 * The first due time after an instant.
 * @param anchor - The moment from which `every` counts, epoch ms: `from`, which is due itself, or when it was set
 * @returns null when there is none
 */
export function nextDue(
  spec: ScheduleSpec,
  name: string,
  { after, anchor }: { after: number; anchor: number },
): DueTime | null {
  const due = nextTime(spec, after, anchor);
  if (due === null || due > LATEST || (spec.until !== null && due > spec.until)) return null;
  return { due, at: due + jitterOf(spec, name, { due, anchor }) };
}

function nextTime(spec: ScheduleSpec, after: number, anchor: number): number | null {
  const from = spec.from === null ? after : Math.max(after, spec.from - 1);
  if (spec.cron === null) return nextOfInterval(spec.every ?? 0, from, anchor);
  return nextCronTime(parseCron(spec.cron), from, spec.timeZone);
}

function nextOfInterval(every: Milliseconds, after: number, anchor: number): number {
  return anchor + (Math.floor((after - anchor) / every) + 1) * every;
}

/** The same on each host, so that none starts a run at another time; and never until the next one is due. */
function jitterOf(spec: ScheduleSpec, name: string, { due, anchor }: { due: number; anchor: number }): number {
  if (spec.jitter === 0) return 0;
  const longest = Math.min(spec.jitter, (nextTime(spec, due, anchor) ?? Number.POSITIVE_INFINITY) - due);
  const digest = createHash("sha256").update(`${name}@${due}`).digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * longest);
}
