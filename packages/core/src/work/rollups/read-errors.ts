import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { DAY, HOUR } from "./rollup-scripts.ts";

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
  /** In the time that was asked for. */
  recent: number;
  /** By hour of that time, the oldest first; hours without an error are left out. */
  hours: { at: number; count: number }[];
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
  const days: number[] = [];
  for (let day = Math.floor(from / DAY); day <= Math.floor(now / DAY); day += 1) days.push(day);
  const pipeline = client.pipeline();
  for (const id of ids) {
    pipeline.hgetall(keys.errorGroup(id));
    for (const day of days) pipeline.hgetall(keys.errorDay(id, day));
  }
  const replies = ((await pipeline.exec()) ?? []).map(([error, hash]) =>
    error ? {} : (hash as Record<string, string>),
  );
  return ids.flatMap((id, index) => {
    const [record = {}, ...byDay] = replies.slice(index * (days.length + 1), (index + 1) * (days.length + 1));
    // It made room for another one since.
    if (record["last"] === undefined) return [];
    const hours = byDay
      .flatMap((hash, day) =>
        Object.entries(hash).map(([hour, count]) => ({
          at: (days[day] as number) * DAY + Number(hour) * HOUR,
          count: Number(count),
        })),
      )
      .filter(({ at, count }) => Number.isSafeInteger(at) && count > 0 && at + HOUR > from)
      .sort((left, right) => left.at - right.at);
    return {
      id,
      ...texts(record),
      first: Number(record["first"] ?? record["last"]),
      last: Number(record["last"]),
      count: Number(record["count"] ?? 0),
      recent: hours.reduce((sum, { count }) => sum + count, 0),
      hours,
      ids: lines(record["ids"]),
      hosts: lines(record["hosts"]),
      pools: lines(record["pools"]),
    };
  });
}

function texts(record: Record<string, string>): Pick<ErrorGroup, "task" | "name" | "message" | "frame"> {
  const { task = "", name = "", message = "", frame = "" } = record;
  return { task, name, message, frame };
}

function lines(text: string | undefined): string[] {
  return (text ?? "").split("\n").filter((line) => line !== "");
}
