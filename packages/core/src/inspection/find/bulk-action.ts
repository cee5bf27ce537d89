import { randomBytes } from "node:crypto";
import { ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import { serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { TaskChange } from "../../work/submission/index.ts";
import type { FindContext, Found, FoundTask } from "./find-rows.ts";
import { findPage } from "./find-tasks.ts";
import { type CheckedQuery, type Cursor, checkQuery, type FindState, type TaskSelection } from "./task-query.ts";

export type BulkAction = "cancel" | "retry" | "promote" | "remove" | "change";

/** What is changed of each task of a query. */
export type BulkChange = Pick<TaskChange, "priority" | "delay">;

/** How far a bulk action has come. */
export interface BulkProgress {
  /** With it, the action can be resumed for a day. */
  id: string;
  /** Tasks that were changed. */
  done: number;
  /** Tasks that were left as they are. */
  refused: number;
}

/** What a bulk action has done. */
export interface BulkOutcome extends BulkProgress {
  /** Why tasks were left as they are, the most frequent reason first. */
  reasons: BulkRefusal[];
}

/** A reason for which tasks were left as they are. */
export interface BulkRefusal {
  reason: string;
  count: number;
  /** Some of them. */
  ids: string[];
}

export interface BulkOptions {
  /** Called after each step. */
  onProgress?: ((progress: BulkProgress) => void) | undefined;
  /** Ends the action between two steps; it can be resumed. */
  signal?: AbortSignal | undefined;
  /** Id of an action that was broken off within the last day: it goes on where it was, with its own query. */
  resume?: string | undefined;
}

/** What became of one task: undefined = it was changed, else why not. */
export type Act = (task: FoundTask, change: BulkChange | undefined) => Promise<string | undefined>;

/** Tasks that an action without a state is for. */
const STATES: Readonly<Record<BulkAction, readonly FindState[] | null>> = {
  cancel: ["waiting", "prioritized", "delayed", "active"],
  retry: ["failed", "cancelled"],
  promote: ["delayed"],
  remove: null,
  change: ["waiting", "prioritized", "delayed"],
};
/** Tasks of one page, and requests that are on their way at the same time. */
const PAGE = 200;
const AT_ONCE = 50;
/** How long a broken off action can be resumed. */
const KEPT: Milliseconds = 86_400_000;
/** Ids that are named for a reason. */
const NAMED = 5;

/** What is kept of an action, so that it can go on in another program. */
interface BulkRecord {
  action: BulkAction;
  query: TaskSelection;
  /** Of the action "change". */
  change?: BulkChange | undefined;
  /** Tasks from this number on, or submitted from this time on (epoch ms), came later and are not meant. */
  before: { number: number; time: number };
  cursor: Cursor | null;
  done: number;
  refused: number;
  reasons: BulkRefusal[];
  isFinished: boolean;
}

/** The tasks that an action is for, as a checked query: those that are in a state that it can change. */
export function meantBy(action: BulkAction, query: TaskSelection): CheckedQuery {
  const checked = checkQuery(`tasks.${action}()`, query, { paging: false });
  return checked.states === null ? { ...checked, states: STATES[action] } : checked;
}

/**
 * Does something to each task of a query: page by page, so that Redis is never busy with it for long. What was done is noted
 * after each page. Each task is looked at again as it is changed: to begin anew, or to do it in two programs, changes
 * nothing twice.
 * @throws ValueError for a query without a filter, or when the action to be resumed is unknown or another one; the reason
 * of the signal
 */
export async function runBulk(
  context: FindContext,
  call: {
    action: BulkAction;
    query: TaskSelection;
    options: BulkOptions;
    act: Act;
    change?: BulkChange | undefined;
  },
): Promise<BulkOutcome> {
  const { action, options, act } = call;
  const { client, keys } = context;
  const id = options.resume ?? randomBytes(8).toString("hex");
  const record = options.resume === undefined ? await begin(context, call) : await readRecord(context, call, id);
  const sort = orderOf(record);
  const checked: CheckedQuery = { ...meantBy(action, record.query), limit: PAGE, sort };
  const note = (): Promise<unknown> => noteBulk.run(client, [keys.bulk(id)], [JSON.stringify(record), KEPT]);
  await note();
  while (!record.isFinished) {
    options.signal?.throwIfAborted();
    const page = await findPage(context, { ...checked, cursor: record.cursor }, { before: record.before });
    for (let from = 0; from < page.found.length; from += AT_ONCE) {
      options.signal?.throwIfAborted();
      await actOn(page.found.slice(from, from + AT_ONCE), act, record);
    }
    record.cursor = page.next;
    record.isFinished = page.next === null;
    await note();
    options.onProgress?.({ id, done: record.done, refused: record.refused });
  }
  const reasons = record.reasons.sort((left, right) => right.count - left.count);
  return { id, done: record.done, refused: record.refused, reasons };
}

/**
 * Tasks come back to their queue in the order in which they were submitted. What leaves it does so from the end of the queue
 * that is nearer to what is meant: that is the fastest.
 */
function orderOf({ action, query }: BulkRecord): "oldest" | "newest" {
  if (action === "retry" || action === "promote") return "oldest";
  return query.until !== undefined && query.since === undefined ? "oldest" : "newest";
}

async function actOn(found: readonly Found[], act: Act, record: BulkRecord): Promise<void> {
  const refusals = await Promise.all(
    found.map(async ({ task }) => ({
      id: task.id,
      reason: await act(task, record.change).catch((error) => reasonOf(error)),
    })),
  );
  for (const { id, reason } of refusals) {
    if (reason === undefined) {
      record.done += 1;
      continue;
    }
    record.refused += 1;
    const known = record.reasons.find((one) => one.reason === reason);
    if (!known) record.reasons.push({ reason, count: 1, ids: [id] });
    else {
      known.count += 1;
      if (known.ids.length < NAMED) known.ids.push(id);
    }
  }
}

/** A fault of one task, such as an id that no longer names it. What is no answer, such as a lost connection, ends the action. */
function reasonOf(error: unknown): string {
  if (error instanceof ValueError) return error.message;
  throw error;
}

async function begin(
  { client, keys }: FindContext,
  { action, query, change }: { action: BulkAction; query: TaskSelection; change?: BulkChange | undefined },
): Promise<BulkRecord> {
  meantBy(action, query);
  const filters = Object.entries(query).filter(([, value]) => value !== undefined);
  if (filters.length === 0) {
    throw new ValueError(`tasks.${action}() needs a filter, such as { state: "failed" } or { pool: "mail" }; got {}`);
  }
  const [next, time] = await Promise.all([client.hget(keys.taskIndex, "next"), serverTime(client)]);
  return {
    action,
    ...(change === undefined ? {} : { change }),
    query: Object.fromEntries(filters.map(([name, value]) => [name, value instanceof Date ? value.getTime() : value])),
    before: { number: Number(next ?? 0), time },
    cursor: null,
    ...{ done: 0, refused: 0, reasons: [], isFinished: false },
  };
}

async function readRecord(
  { client, keys }: { client: RedisClient; keys: Keys },
  { action, query }: { action: BulkAction; query: TaskSelection },
  id: string,
): Promise<BulkRecord> {
  const text = await client.hget(keys.bulk(id), "record");
  if (text === null) {
    throw new ValueError(`no bulk action "${id}" can be resumed: it began more than a day ago, or never did`);
  }
  const record = JSON.parse(text) as BulkRecord;
  if (record.action !== action) {
    throw new ValueError(
      `the bulk action "${id}" is to ${record.action} tasks: resume it by ${record.action}, and not by ${action}`,
    );
  }
  if (Object.values(query).some((value) => value !== undefined)) {
    throw new ValueError(`the bulk action "${id}" has its own query: resume it with tasks.${action}({}, { resume })`);
  }
  return record;
}

/**
 * KEYS[1] record of the action (hash)
 * ARGV[1] the record as JSON; ARGV[2] how long it is kept, ms
 * Returns 1.
 */
const noteBulk = new Script<number>({
  name: "noteBulk",
  lua: `
redis.call("HSET", KEYS[1], "record", ARGV[1])
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`,
});
