import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { DAY, HOUR, MINUTE, MINUTES_KEPT } from "./rollup-scripts.ts";

/** Errors of one kind: of one task, class, place and text, with any ids and numbers in the text. */
export interface ErrorGroup {
  id: string;
  /** "" for the group of what is over the most groups, whose id is `other`. */
  task: string;
  /** Class of the errors. */
  name: string;
  /** First line of the last one. */
  message: string;
  /** Function and file of the task's code that threw; "" where that is not known. */
  frame: string;
  /** Epoch ms of the server. */
  first: number;
  last: number;
  /** Since `first`. */
  count: number;
  /** In the time that was asked for: of up to 3 hours to the minute, else to the hour. */
  recent: number;
  /** By hour of that time, the oldest first; hours without an error are left out. */
  hours: { at: number; count: number }[];
  /** By minute of the last 3 hours of that time. */
  minutes: { at: number; count: number }[];
  /** The latest ones: ids of tasks, names of hosts, pools. */
  ids: string[];
  hosts: string[];
  pools: string[];
}

/** Groups that one pipeline reads. */
const GROUPS_AT_ONCE = 100;

/** The groups of the last so many ms, the latest first. */
export async function readErrorGroups(
  client: RedisClient,
  keys: Keys,
  { last, limit }: { last: Milliseconds; limit: number },
): Promise<ErrorGroup[]> {
  const now = await serverTime(client);
  const ids = await client
    .zrevrangebyscore(keys.errors, "+inf", String(now - last), "LIMIT", 0, limit)
    .catch((error: Error) => {
      if (error.message.startsWith("WRONGTYPE")) return [];
      throw error;
    });
  const groups: ErrorGroup[] = [];
  for (let from = 0; from < ids.length; from += GROUPS_AT_ONCE) {
    groups.push(...(await readGroups(client, keys, { ids: ids.slice(from, from + GROUPS_AT_ONCE), now, last })));
  }
  return groups;
}

async function readGroups(
  client: RedisClient,
  keys: Keys,
  { ids, now, last }: { ids: readonly string[]; now: number; last: Milliseconds },
): Promise<ErrorGroup[]> {
  const from = Math.max(now - last, now - 8 * DAY);
  const days = numbers(from, now, DAY);
  const hours = numbers(Math.max(from, now - MINUTES_KEPT), now, HOUR);
  const pipeline = client.pipeline();
  for (const id of ids) {
    pipeline.hgetall(keys.errorGroup(id));
    for (const day of days) pipeline.hgetall(keys.errorDay(id, day));
    for (const hour of hours) pipeline.hgetall(keys.errorHour(id, hour));
  }
  const replies = ((await pipeline.exec()) ?? []).map(([error, hash]) =>
    error ? {} : (hash as Record<string, string>),
  );
  const width = 1 + days.length + hours.length;
  return ids.flatMap((id, index) => {
    const [record = {}, ...hashes] = replies.slice(index * width, (index + 1) * width);
    // It made room for another one since.
    if (record["last"] === undefined) return [];
    const byHour = countsIn(hashes.slice(0, days.length), { numbers: days, whole: DAY, part: HOUR, from });
    const byMinute = countsIn(hashes.slice(days.length), { numbers: hours, whole: HOUR, part: MINUTE, from });
    return {
      id,
      ...texts(record),
      first: Number(record["first"] ?? record["last"]),
      last: Number(record["last"]),
      count: Number(record["count"] ?? 0),
      recent: (last <= MINUTES_KEPT ? byMinute : byHour).reduce((sum, { count }) => sum + count, 0),
      hours: byHour,
      minutes: byMinute,
      ids: lines(record["ids"]),
      hosts: lines(record["hosts"]),
      pools: lines(record["pools"]),
    };
  });
}

/** The days or hours since 1970 that a time touches. */
function numbers(from: number, to: number, whole: Milliseconds): number[] {
  const first = Math.floor(from / whole);
  return Array.from({ length: Math.floor(to / whole) - first + 1 }, (_, index) => first + index);
}

/** Of hashes, each of a whole that is counted by its parts: the parts that end after `from`, the oldest first. */
function countsIn(
  hashes: readonly Record<string, string>[],
  time: { numbers: readonly number[]; whole: Milliseconds; part: Milliseconds; from: number },
): { at: number; count: number }[] {
  return hashes
    .flatMap((hash, index) =>
      Object.entries(hash).map(([part, count]) => ({
        at: (time.numbers[index] as number) * time.whole + Number(part) * time.part,
        count: Number(count),
      })),
    )
    .filter(({ at, count }) => Number.isSafeInteger(at) && count > 0 && at + time.part > time.from)
    .sort((left, right) => left.at - right.at);
}

function texts(record: Record<string, string>): Pick<ErrorGroup, "task" | "name" | "message" | "frame"> {
  const { task = "", name = "", message = "", frame = "" } = record;
  return { task, name, message, frame };
}

function lines(text: string | undefined): string[] {
  return (text ?? "").split("\n").filter((line) => line !== "");
}
