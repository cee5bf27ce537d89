import { PoolTerminatedError, ValueError } from "../../errors/index.ts";
import type { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { NOTE_CHANGE, Script } from "../../redis/script/index.ts";
import { type Milliseconds, pause } from "../../time/index.ts";
import { encode, encodeError } from "../../wire/codec/index.ts";
import {
  JOB_WATCHERS_FIELD,
  type JobEnvelope,
  type ReplyItem,
  readWatchers,
  submissionOf,
  type UnitAnswer,
} from "../../wire/records/job.ts";
import type { PoolRecord } from "../../wire/records/records.ts";
import { unitCount } from "../../wire/records/unit-count.ts";
import { DEFAULT_POOL, PoolRegistry } from "../registry/index.ts";
import { postAnswers } from "../results/post-answers.ts";
import { clearPool } from "./clear-pool.ts";

/** What became of a wish to remove a pool. */
export type PoolRemoval =
  | { outcome: "removed"; waiting: number }
  /** Nothing was done: so many of its tasks run. */
  | { outcome: "running"; active: number }
  | { outcome: "unknown" };

/** A task is finished in Redis a moment after its caller has the answer; so long it does not count as running, ms. */
const FINISH_TIME: Milliseconds = 500;
/** Hosts get this long to stop what runs and to tell its callers, ms. */
const STOP_TIME: Milliseconds = 5_000;
const LOOK_INTERVAL: Milliseconds = 50;
/** Jobs that are answered in one step. */
const BATCH = 500;

/** @throws ValueError for the default pool, which is always there */
export function assertRemovable(name: string): void {
  if (name !== DEFAULT_POOL) return;
  throw new ValueError(
    `the pool "${name}" is always there; cancel its tasks (manyhands task cancel <id>), or pause it: manyhands pool pause ${name}`,
  );
}

/**
 * Removes a pool with its tasks and all that is kept of it.
 *
 * In this order: 1. in one step it is marked as terminated, unless tasks run and that was not agreed to, and nothing of it
 * is started any more; hosts are told, kill what runs and close their share; 2. callers that wait for its tasks get a
 * PoolTerminatedError; 3. its queue goes, then its record. A removal that was broken off is finished by the next one, or
 * by the hosts.
 *
 * @throws ValueError for the default pool, which is always there; UnreadableRecordError when its record cannot be read
 */
export async function removePool(
  context: { client: RedisClient; keys: Keys; queues: BullQueues },
  name: string,
  { force = false }: { force?: boolean | undefined } = {},
): Promise<PoolRemoval> {
  const { client, keys, queues } = context;
  assertRemovable(name);
  if (!(await new PoolRegistry(client, keys).get(name))) return { outcome: "unknown" };
  const close = () =>
    closePool.run(
      client,
      [keys.pools, keys.queue(name, "active"), keys.queue(name, "meta")],
      [name, force ? 1 : 0, keys.control, JSON.stringify({ type: "pools-changed", pool: name })],
    );
  let [verdict, active, text] = await close();
  for (let waited = 0; verdict === "running" && waited < FINISH_TIME; waited += LOOK_INTERVAL) {
    await pause(LOOK_INTERVAL);
    [verdict, active, text] = await close();
  }
  if (verdict === "unknown") return { outcome: "unknown" };
  if (verdict === "running") return { outcome: "running", active };
  const record = JSON.parse(text) as PoolRecord;
  for (
    let waited = 0;
    waited < STOP_TIME && (await client.llen(keys.queue(name, "active"))) > 0;
    waited += LOOK_INTERVAL
  ) {
    await pause(LOOK_INTERVAL);
  }
  let waiting = 0;
  const beforehand = async (): Promise<void> => {
    waiting = await answerAll(context, name);
  };
  await clearPool({ client, keys, queue: queues.get(name) }, record, { beforehand, waits: true });
  return { outcome: "removed", waiting };
}

/** Tells the callers of everything that has no outcome. @returns how many jobs that were */
async function answerAll({ client, keys }: { client: RedisClient; keys: Keys }, pool: string): Promise<number> {
  const lists = await Promise.all(
    (["wait", "paused", "active"] as const).map((part) => client.lrange(keys.queue(pool, part), 0, -1)),
  );
  const sets = await Promise.all(
    (["prioritized", "delayed", "waiting-children"] as const).map((part) =>
      client.zrange(keys.queue(pool, part), 0, "-1"),
    ),
  );
  const ids = [...new Set([...lists, ...sets].flat())];
  for (let from = 0; from < ids.length; from += BATCH)
    await answerSome({ client, keys }, pool, ids.slice(from, from + BATCH));
  return ids.length;
}

async function answerSome(
  { client, keys }: { client: RedisClient; keys: Keys },
  pool: string,
  ids: readonly string[],
): Promise<void> {
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hmget(keys.job(pool, id), "data", "opts", "name", JOB_WATCHERS_FIELD);
  const replies = (await pipeline.exec()) ?? [];
  const items = new Map<string, ReplyItem[]>();
  for (const [index, id] of ids.entries()) {
    const [data, opts, task, watchers] = (replies[index]?.[1] ?? []) as (string | null)[];
    const envelope = readObject(data) as Partial<JobEnvelope>;
    const own = typeof envelope.client === "string" ? [envelope.client] : [];
    const clients = new Set([...own, ...readWatchers(watchers)]);
    if (clients.size === 0) continue;
    const error = encodeError(
      new PoolTerminatedError(`pool "${pool}" was removed before task "${task}" (job ${id}) had a result`),
    );
    const answers = Array.from({ length: unitCount(envelope) ?? 1 }, (_, unit): UnitAnswer => [unit, 0, error, 0]);
    const item: ReplyItem = [submissionOf(id, readObject(opts)), encode(answers), "", 0];
    for (const client of clients) items.set(client, [...(items.get(client) ?? []), item]);
  }
  for (const [clientId, own] of items) await postAnswers(client, keys.replies(clientId), own);
}

/** What a job holds, which any BullMQ client may have written. */
function readObject(text: string | null | undefined): object {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/**
 * KEYS[1] registry hash; KEYS[2] list of active jobs; KEYS[3] hash of the queue's settings
 * ARGV[1] pool name; ARGV[2] 1 = also when tasks run; ARGV[3] control channel; ARGV[4] its message
 * Returns {"closed", active jobs, record}: terminated, and no worker takes of it any more; {"running", active jobs, ""}:
 * nothing was changed; {"unknown", 0, ""}.
 */
const closePool = new Script<["closed" | "running" | "unknown", number, string]>({
  name: "closePool",
  lua: `${NOTE_CHANGE}
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return {"unknown", 0, ""} end
local active = redis.call("LLEN", KEYS[2])
if active > 0 and ARGV[2] ~= "1" then return {"running", active, ""} end
local is_json, record = pcall(cjson.decode, text)
if not is_json or type(record) ~= "table" then return {"unknown", 0, ""} end
record.state = "terminated"
local changed = cjson.encode(record)
redis.call("HSET", KEYS[1], ARGV[1], changed)
redis.call("HSET", KEYS[3], "paused", 1)
redis.call("PUBLISH", ARGV[3], ARGV[4])
note_change(KEYS[1], "pools/" .. ARGV[1])
return {"closed", active, changed}
`,
});
