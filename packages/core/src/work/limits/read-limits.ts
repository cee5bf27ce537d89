import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { describeRule, type LimitRule, readLimitRule } from "../../wire/records/limits.ts";

/** One limit with one key, as it is at the moment. */
export interface LimitPlace {
  /** The task that the limit is of; null = the pool. */
  task: string | null;
  /** "" where the limit has no keys, or a call has none. */
  key: string;
  /** Calls that it holds back. */
  waiting: number;
  /** Calls that it counts as running: where it counts over all pools, in all of them. */
  running: number;
  /** When its rate allows the next start, epoch ms; null = it does not wait for that. */
  nextAt: Milliseconds | null;
  /** As many of its calls run as may. */
  isFull: boolean;
}

/** A limit of a pool, or of a task in it. */
export interface RuleView {
  /** Null = the pool. */
  task: string | null;
  rule: LimitRule;
  /** It is that of the task's code, and counts over all pools; the others count in the pool. */
  isEverywhere: boolean;
  text: string;
}

/** The limits of a pool as they are at the moment. */
export interface PoolLimits {
  pool: string;
  /**
   * What hosts count by: of the pool (`task` null), and of tasks; of those that have them by their code only where calls of
   * them are held back or run here, unless there are more keys than the list has.
   */
  rules: RuleView[];
  /** Calls that are held back. */
  waiting: number;
  /** Keys with calls that are held back or run; the list has the first of them, in the order of their turns. */
  keys: number;
  places: LimitPlace[];
}

interface Reader {
  client: RedisClient;
  keys: Keys;
}

/** Reads the limits of a pool, and the first keys of them. @returns null when it has none, and never had any */
export async function readLimits(
  { client, keys }: Reader,
  pool: string,
  { most = 50 }: { most?: number } = {},
): Promise<PoolLimits | null> {
  const state = await client.hgetall(keys.limits(pool));
  if (Object.keys(state).length === 0) return null;
  const parts = (["turns", "later", "full"] as const).map((part) => keys.limitPart(part, pool));
  const [counts, firsts, running, runningKeys] = await Promise.all([
    Promise.all(parts.map((key) => client.zcard(key))),
    Promise.all(parts.map((key) => client.zrange(key, 0, String(most - 1), "WITHSCORES"))),
    client.hlen(keys.limitPart("running", pool)),
    client.hscan(keys.limitPart("running", pool), 0, "COUNT", most),
  ]);
  const order = new Map<string, { nextAt: number | null; isFull: boolean }>();
  const [turns = [], later = [], full = []] = firsts;
  for (let at = 0; at < turns.length; at += 2) order.set(turns[at] ?? "", { nextAt: null, isFull: false });
  for (let at = 0; at < later.length; at += 2) {
    order.set(later[at] ?? "", { nextAt: Number(later[at + 1]), isFull: false });
  }
  for (let at = 0; at < full.length; at += 2) order.set(full[at] ?? "", { nextAt: null, isFull: true });
  const runs = runningKeys[1];
  for (let at = 0; at < runs.length; at += 2) {
    if (!order.has(runs[at] ?? "")) order.set(runs[at] ?? "", { nextAt: null, isFull: false });
  }
  const names = [...order.keys()].slice(0, most);
  const rules = rulesIn(state);
  const pipeline = client.pipeline();
  for (const name of names) {
    pipeline.zcard(keys.limitWaiting(pool, name)).hget(countKey(keys, { pool, place: name, rules }), name);
  }
  const replies = names.length === 0 ? [] : ((await pipeline.exec()) ?? []);
  const all = Math.max(
    running,
    counts.reduce((sum, count) => sum + count, 0),
  );
  const tasks = new Set(names.map((name) => limitPlaceParts(name).task));
  return {
    pool,
    // Hosts tell the limits of all tasks that they know.
    rules: rules.filter(({ task, isEverywhere }) => !isEverywhere || tasks.has(task) || all > names.length),
    waiting: Number(state["gated"] ?? 0),
    keys: all,
    places: names.map((name, index) => ({
      ...limitPlaceParts(name),
      waiting: Number(replies[2 * index]?.[1] ?? 0),
      running: Number(replies[2 * index + 1]?.[1] ?? 0),
      ...(order.get(name) ?? { nextAt: null, isFull: false }),
    })),
  };
}

/** What a limit is to a call that it holds back. */
export interface LimitHold {
  /** Null = the limit is that of the pool. */
  task: string | null;
  key: string;
  allows: string | null;
  running: number;
  isFull: boolean;
  nextAt: Milliseconds | null;
  /** Calls of its key that are before it. */
  before: number | null;
  /** Keys whose turn comes before that of its key; null = its key has no turn now. */
  turn: number | null;
  /** All that, in words. */
  text: string;
}

/** Why a limit holds a call back. @param position - How many calls of its key are before it. */
export async function describeLimit(
  { client, keys }: Reader,
  { pool, limitedBy, position }: { pool: string; limitedBy: string; position: number | null },
): Promise<LimitHold> {
  const [state, ...places] = await Promise.all([
    client.hgetall(keys.limits(pool)),
    client.hget(keys.limitPart("running", pool), limitedBy),
    client.hget(keys.allLimitRunning, limitedBy),
    client.zscore(keys.limitPart("later", pool), limitedBy),
    client.zrank(keys.limitPart("turns", pool), limitedBy),
  ]);
  const [runningHere, runningInAll, later, rank] = places;
  const { task, key } = limitPlaceParts(limitedBy);
  const found = rulesIn(state).find((one) => one.task === task);
  const rule = found?.rule;
  const of = task === null ? `pool "${pool}"` : `task "${task}"`;
  const whose = key === "" ? of : `${of} for the key ${JSON.stringify(key)}`;
  const before = position ? `, ${position} of the same before it` : "";
  const nextAt = later === null ? null : Number(later);
  const runs = Number((found?.isEverywhere ? runningInAll : runningHere) ?? 0);
  const isFull = rule?.concurrency !== undefined && runs >= rule.concurrency;
  const turn = nextAt !== null || isFull ? null : (rank ?? null);
  const ahead = turn ? `, ${turn} other keys are before its key` : "";
  const now =
    nextAt !== null
      ? `the rate allows the next one at ${new Date(nextAt).toISOString()}`
      : isFull
        ? `${runs} of ${rule.concurrency} run`
        : `it waits for its turn${ahead}`;
  const allows = found ? ` (${found.text})` : "";
  const text = `the limit of ${whose}${allows} holds it back: ${now}${before}`;
  return {
    ...{ task, key, allows: found?.text ?? null, running: runs, isFull, nextAt },
    ...{ before: position, turn, text },
  };
}

/** Where it is counted how many of a place run. */
function countKey(
  keys: Keys,
  { pool, place, rules }: { pool: string; place: string; rules: readonly RuleView[] },
): string {
  const { task } = limitPlaceParts(place);
  const rule = rules.find((one) => one.task === task);
  return rule?.isEverywhere ? keys.allLimitRunning : keys.limitPart("running", pool);
}

/** What a place is about. */
export function limitPlaceParts(place: string): { task: string | null; key: string } {
  const at = place.indexOf("|");
  return { task: place.slice(0, at) || null, key: place.slice(at + 1) };
}

/** Hosts that know different tasks write a text each. */
function rulesIn(state: Record<string, string>): RuleView[] {
  const rules = new Map<string, Pick<RuleView, "rule" | "isEverywhere">>();
  for (const [field, text] of Object.entries(state)) {
    if (!field.startsWith("rules of ")) continue;
    try {
      for (const [task, stored] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
        const { everywhere, ...plain } = stored as { everywhere?: unknown };
        const rule = readLimitRule(plain);
        if (rule) rules.set(task, { rule, isEverywhere: everywhere === true });
      }
    } catch {
      // Another one is written with the next take.
    }
  }
  return [...rules].map(([task, { rule, isEverywhere }]) => {
    const text = `${describeRule(rule)}${isEverywhere ? ", over all pools" : ""}`;
    return { task: task || null, rule, isEverywhere, text };
  });
}
