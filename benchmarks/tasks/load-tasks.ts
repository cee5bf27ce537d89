import { INDEX_RESTATE, Keys, type RedisClient, Script } from "@manyhands/core/internal";

/** A job as it lies in Redis after all that happened to it. */
export interface LoadedTask {
  pool: string;
  id: string;
  task: string;
  state: "waiting" | "delayed" | "prioritized" | "active" | "completed" | "failed" | "cancelled";
  /** Epoch ms. */
  createdAt: number;
  tags?: readonly string[];
  args?: readonly unknown[];
  /** Name of the host that ran it. */
  host?: string;
  failedReason?: string;
  /** It is as other clients of BullMQ leave it: without a number in the index. */
  isForeign?: boolean;
}

/** Jobs of one script. */
const BATCH = 250;

/**
 * Writes jobs into Redis as BullMQ and the index of tasks have them, without running any: for tests and measurements of
 * many. The pools have to exist.
 */
export async function loadTasks(client: RedisClient, namespace: string, tasks: Iterable<LoadedTask>): Promise<void> {
  const keys = new Keys(namespace);
  let batch: string[] = [];
  let sent: Promise<unknown> = Promise.resolve();
  for (const task of tasks) {
    batch.push(JSON.stringify({ ...task, data: dataOf(task) }));
    if (batch.length < BATCH) continue;
    await sent;
    sent = load.run(client, [keys.taskIndex], [keys.queues, ...batch]);
    batch = [];
  }
  await sent;
  if (batch.length > 0) await load.run(client, [keys.taskIndex], [keys.queues, ...batch]);
}

function dataOf({ tags, args = [] }: LoadedTask): string {
  return JSON.stringify({ ...(tags && tags.length > 0 ? { tags } : {}), args });
}

/**
 * KEYS[1] state of the index (hash)
 * ARGV[1] what BullMQ's keys begin with; then each job as JSON
 */
const load = new Script({
  name: "loadTasks",
  lua: `
${INDEX_RESTATE}
for place = 2, #ARGV do
  local task = cjson.decode(ARGV[place])
  local queue, state, at = ARGV[1] .. task.pool .. ":", task.state, string.format("%.0f", task.createdAt)
  local key = queue .. task.id
  local has_ended = state == "completed" or state == "failed" or state == "cancelled"
  redis.call("HSET", key, "name", task.task, "data", task.data, "opts", '{"attempts":1}', "timestamp", at,
    "delay", state == "delayed" and 3600000 or 0, "priority", state == "prioritized" and 3 or 0)
  if has_ended or state == "active" then
    redis.call("HSET", key, "processedOn", at, "atm", 1, "ats", 1)
    if task.host then redis.call("HSET", key, "pb", task.host .. "/1") end
  end
  if task.failedReason then redis.call("HSET", key, "failedReason", task.failedReason) end
  if has_ended then redis.call("HSET", key, "finishedOn", at) end
  if state == "cancelled" then redis.call("HSET", key, "ended", "cancelled") end
  if state == "completed" then redis.call("HSET", key, "returnvalue", '{"value":1}') end
  if state == "waiting" then redis.call("LPUSH", queue .. "wait", task.id)
  elseif state == "active" then
    redis.call("LPUSH", queue .. "active", task.id)
    redis.call("SET", key .. ":lock", "token", "PX", 3600000)
  elseif state == "delayed" then redis.call("ZADD", queue .. "delayed", (task.createdAt + 3600000) * 4096, task.id)
  elseif state == "prioritized" then redis.call("ZADD", queue .. "prioritized", 3 * 4294967296 + place, task.id)
  else redis.call("ZADD", queue .. (state == "completed" and "completed" or "failed"), at, task.id) end
  if not task.isForeign then
    index_restate(key, false)
    local n = tonumber(redis.call("HGET", key, "n"))
    if n % 1024 == 0 then redis.call("ZADD", string.gsub(KEYS[1], "index$", "index-times"), at, n) end
  end
end
return 1
`,
});
