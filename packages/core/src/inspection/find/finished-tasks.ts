import type { QueuePart } from "../../redis/keys.ts";
import { type FindContext, type Found, type FoundPage, readPlaces, specOf } from "./find-rows.ts";
import type { CheckedQuery, Cursor } from "./task-query.ts";

/** Tasks that are looked at together. */
const SLICE = 200;

/** A finished task: when it ended, and its id. */
interface Ended {
  time: number;
  id: string;
}

/** The tasks of one pool that have ended, the last first: BullMQ has them in this order. */
export async function findFinished(context: FindContext, query: CheckedQuery, deadline: number): Promise<FoundPage> {
  const pool = query.pool ?? "";
  const ended = endedTasks(context, query);
  const tasks: Found[] = [];
  let at: Ended | null = null;
  let looked = 0;
  const spec = { ...specOf(context, query), deep: true };
  for (let isLast = false; !isLast; ) {
    const slice = await ended.next();
    isLast = slice.length < SLICE;
    const { found } = await readPlaces(context, spec, { places: slice.map(({ id }) => [pool, id] as const) });
    const byId = new Map(found.map((one) => [one.task.id, one]));
    for (const one of slice) {
      const task = byId.get(one.id);
      // Beside the last of the page there is another one.
      if (task && tasks.length === query.limit) return page({ tasks, at });
      if (task) tasks.push(task);
      at = one;
      looked += 1;
    }
    if (!isLast && performance.now() > deadline) {
      return page({ tasks, at, partial: `searched the ${looked} tasks of the page that finished last` });
    }
  }
  return page({ tasks, at: null });

  function page({ tasks, at, partial }: { tasks: Found[]; at: Ended | null; partial?: string }): FoundPage {
    const place: Cursor = { number: at?.time ?? 0, time: null, place: at?.id ?? "", told: null };
    return {
      found: tasks,
      next: at === null ? null : place,
      ...(partial === undefined ? {} : { partial: `${partial}; the cursor goes on from there` }),
    };
  }
}

/** Reads BullMQ's sorted sets from the cursor on, merged by time. */
function endedTasks({ client, keys }: FindContext, query: CheckedQuery): { next(): Promise<Ended[]> } {
  const { states, cursor } = query;
  const parts: QueuePart[] = [];
  if (states === null || states.includes("completed")) parts.push("completed");
  if (states === null || states.some((state) => state !== "completed")) parts.push("failed");
  let last: Ended | null = cursor === null ? null : { time: cursor.number, id: cursor.place };
  return {
    async next() {
      const reads = parts.map((part) => readBehind(keys.queue(query.pool ?? "", part)));
      const slice = (await Promise.all(reads)).flat().sort(byTime).slice(0, SLICE);
      last = slice.at(-1) ?? last;
      return slice;
    },
  };

  async function readBehind(key: string): Promise<Ended[]> {
    const behind: Ended[] = [];
    // Several may have ended in the same millisecond: they come in the order of their ids.
    for (let from = 0; behind.length < SLICE; from += SLICE) {
      const most = last === null ? "+inf" : String(last.time);
      const read = await client.zrevrangebyscore(key, most, "-inf", "WITHSCORES", "LIMIT", from, SLICE);
      for (let index = 0; index < read.length; index += 2) {
        const one = { id: read[index] ?? "", time: Number(read[index + 1]) };
        if (last === null || byTime(last, one) < 0) behind.push(one);
      }
      if (read.length < 2 * SLICE) break;
    }
    return behind;
  }
}

function byTime(left: Ended, right: Ended): number {
  return right.time - left.time || Buffer.compare(Buffer.from(right.id), Buffer.from(left.id));
}
