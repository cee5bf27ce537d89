import type { Logger } from "@manyhands/core";
import {
  JOB_CANCEL_FIELD,
  JOB_UNSERVED_FIELD,
  type Keys,
  type Milliseconds,
  type RedisClient,
  Script,
  SingleFlight,
  settledWithin,
} from "@manyhands/core/internal";

export interface TaskAnnouncerOptions {
  client: RedisClient;
  keys: Keys;
  hostId: string;
  /** How long others count with this host after it has last announced itself, ms. */
  timeToLive: Milliseconds;
  /** Names of the tasks that this host knows. */
  tasks: () => string[];
  /** Schema of a task as JSON; null = it has none. Absent: schemas are not told. */
  schemaOf?: (task: string) => string | null;
  /** Queues whose jobs it takes at present; see {@link Keys.hostQueues}. null = it takes none. */
  queues: () => string[] | null;
  logger: Logger;
}

/** A host that stops waits for at most so long until others know, ms. */
const WITHDRAW_DEADLINE: Milliseconds = 500;

/**
 * Tells the other hosts which tasks this one knows and which queues it serves: they wake it for a job that they do not know,
 * and park what no host knows. A job that was parked for one of its tasks comes back when it is announced.
 */
export class TaskAnnouncer {
  readonly #options: TaskAnnouncerOptions;
  readonly #announcements = new SingleFlight(() => this.#announce());
  #isWithdrawn = false;
  #withdrawing: Promise<void> | undefined;
  /** What was announced last, and when by the monotonic clock. */
  #told: string | undefined;
  #toldAt = 0;
  /** Tasks that others know of this host. */
  #toldTasks: readonly string[] = [];

  constructor(options: TaskAnnouncerOptions) {
    this.#options = options;
  }

  /**
   * Announces what is so now, with each heartbeat and after changes, and brings back what was parked for it before. Resolves
   * when it is in Redis; what fails is logged, and comes with the next heartbeat.
   */
  async announce(): Promise<void> {
    if (this.#isWithdrawn || this.#options.client.status !== "ready") return;
    await this.#announcements.again();
  }

  /** The host takes no more jobs. */
  async withdraw(): Promise<void> {
    this.#withdrawing ??= this.#withdraw();
    await this.#withdrawing;
  }

  async #withdraw(): Promise<void> {
    this.#isWithdrawn = true;
    const { client } = this.#options;
    if (client.status !== "ready") return;
    await settledWithin(this.#announcements.again(), WITHDRAW_DEADLINE);
  }

  async #announce(): Promise<void> {
    try {
      await this.#write(this.#isWithdrawn ? null : this.#options.queues());
    } catch (error) {
      // The host that stops is not to be found for longer than its announcement lasts.
      if (this.#isWithdrawn) return;
      this.#options.logger.warn(`announcing tasks failed, trying again: ${(error as Error).message}`);
    }
  }

  async #write(queues: string[] | null): Promise<void> {
    const { client, keys, hostId, timeToLive } = this.#options;
    const tasks = this.#options.tasks();
    const own = keys.hostQueues(hostId);
    if (queues === null) {
      this.#told = undefined;
      await withdrawTasks.run(client, [own], [keys.prefix, hostId, ...tasks]);
      return;
    }
    const text = JSON.stringify([queues, tasks]);
    const isKnown = this.#told === text && performance.now() - this.#toldAt < TASKS_LIFE / 4;
    const gone = this.#toldTasks.filter((task) => !tasks.includes(task));
    this.#toldTasks = tasks;
    await Promise.all(gone.map((task) => client.srem(keys.taskHosts(task), hostId)));
    if (!isKnown || (await client.pexpire(own, timeToLive)) === 0) {
      await announceTasks.run(
        client,
        [own],
        [keys.prefix, hostId, timeToLive, TASKS_LIFE, queues.length, ...queues, ...tasks],
      );
      await this.#writeSchemas(tasks);
      this.#told = text;
      this.#toldAt = performance.now();
      await this.bringBack();
    }
  }

  /** For the forms of the dashboard. Of hosts that define a task differently the last one counts. */
  async #writeSchemas(tasks: readonly string[]): Promise<void> {
    const { client, keys, schemaOf } = this.#options;
    if (!schemaOf) return;
    const pipeline = client.pipeline();
    for (const task of tasks) {
      const schema = schemaOf(task);
      if (schema === null) pipeline.unlink(keys.taskSchema(task));
      else pipeline.set(keys.taskSchema(task), schema, "PX", TASKS_LIFE);
    }
    await pipeline.exec();
  }

  /**
   * Brings parked jobs back: those for this host, and those that are to be cancelled. Once a host has announced a task, none
   * is parked for it, so it is enough when one host of the fleet looks regularly.
   */
  async bringBack(): Promise<void> {
    const { client, keys, hostId } = this.#options;
    if ((await client.exists(keys.parked)) === 0) return;
    const own = keys.hostQueues(hostId);
    while ((await bringBack.run(client, [own, keys.parked], [keys.prefix, keys.queues, hostId])) >= MOST_BACK) {}
  }
}

/** How long it is kept which hosts know a task, ms; those that are gone are left out before. */
const TASKS_LIFE: Milliseconds = 3_600_000;
/** Jobs that one script brings back at most: some 10 ms of Redis. */
const MOST_BACK = 5_000;
/** Of the jobs that are parked for one task, so many are looked at for a cancellation. */
const MOST_CANCELLATIONS = 100;

/**
 * KEYS[1] queues of this host
 * ARGV[1] prefix of our keys; ARGV[2] host id; ARGV[3] how long the host counts as alive, ms; ARGV[4] how long it is kept which
 * hosts know a task, ms; ARGV[5] number of queues; then their names, then those of the tasks
 * Hosts that are gone are removed from the sets of these tasks.
 * Returns 1.
 */
const announceTasks = new Script<number>({
  name: "announceTasks",
  lua: `
local first_task = 6 + tonumber(ARGV[5])
redis.call("DEL", KEYS[1])
for index = 6, first_task - 1 do redis.call("SADD", KEYS[1], ARGV[index]) end
redis.call("PEXPIRE", KEYS[1], ARGV[3])
local is_alive = {}
for index = first_task, #ARGV do
  local key = ARGV[1] .. "task-hosts/" .. ARGV[index]
  for _, id in ipairs(redis.call("SMEMBERS", key)) do
    if is_alive[id] == nil then is_alive[id] = redis.call("EXISTS", ARGV[1] .. "host-queues/" .. id) == 1 end
    if not is_alive[id] then redis.call("SREM", key, id) end
  end
  redis.call("SADD", key, ARGV[2])
  redis.call("PEXPIRE", key, ARGV[4])
end
return 1
`,
});

/**
 * KEYS[1] queues of this host; KEYS[2] set of what is parked
 * ARGV[1] prefix of our keys; ARGV[2] what BullMQ's keys begin with; ARGV[3] host id
 * Jobs that were parked for a task that the host knows, in a queue that it serves, come back: in front of the line, in the
 * order in which they stood there. So does any parked job that is to be cancelled, which every host can do.
 * Returns how many came back; the last ones of the line first, where there are more than one script brings.
 */
const bringBack = new Script<number>({
  name: "bringBackParked",
  lua: `
local places = redis.call("SMEMBERS", KEYS[2])
if #places == 0 then return 0 end
local function takes(queue) return redis.call("SISMEMBER", KEYS[1], queue) == 1 end
local function serves(queue)
  local is_process = queue == "processes" or string.sub(queue, 1, 10) == "processes."
  return not takes("!" .. queue) and (takes(queue) or (not is_process and takes("*")))
end
-- Jobs that come back, by queue.
local back = {}
for _, place in ipairs(places) do
  local queue, task = string.match(place, "^([^/]*)/(.*)$")
  local key = ARGV[1] .. "parked/" .. place
  local is_served = serves(queue) and redis.call("SISMEMBER", ARGV[1] .. "task-hosts/" .. task, ARGV[3]) == 1
  local count = is_served and ${MOST_BACK} or ${MOST_CANCELLATIONS}
  local parked = redis.call("ZRANGE", key, -count, -1, "WITHSCORES")
  if #parked == 0 then redis.call("SREM", KEYS[2], place) end
  for index = 1, #parked, 2 do
    local job = ARGV[2] .. queue .. ":" .. parked[index]
    if is_served or redis.call("HEXISTS", job, "${JOB_CANCEL_FIELD}") == 1 then
      back[queue] = back[queue] or {}
      table.insert(back[queue], {id = parked[index], order = tonumber(parked[index + 1]), key = key, job = job})
    end
  end
end
local count = 0
for queue, jobs in pairs(back) do
  local base = ARGV[2] .. queue .. ":"
  table.sort(jobs, function(one, other) return one.order > other.order end)
  local max_events
  for _, parked in ipairs(jobs) do
    if count == ${MOST_BACK} then break end
    count = count + 1
    redis.call("ZREM", parked.key, parked.id)
    -- It may have been promoted, cancelled or removed since.
    if redis.call("ZREM", base .. "delayed", parked.id) == 1 then
      local fields = redis.call("HMGET", parked.job, "priority", "${JOB_UNSERVED_FIELD}")
      local priority = tonumber(fields[1] or "") or 0
      if priority > 0 then
        local score = tonumber(string.match(fields[2] or "", "^%d+ (%S*)") or "") or priority * 0x100000000
        redis.call("ZADD", base .. "prioritized", score, parked.id)
      else
        redis.call("RPUSH", base .. "wait", parked.id)
      end
      max_events = max_events or redis.call("HGET", base .. "meta", "opts.maxLenEvents") or 10000
      redis.call("XADD", base .. "events", "MAXLEN", "~", max_events, "*", "event", "waiting", "jobId", parked.id, "prev",
        "delayed")
      redis.call("HSET", parked.job, "delay", 0)
    end
    redis.call("HDEL", parked.job, "${JOB_UNSERVED_FIELD}")
  end
  local settings = redis.call("HMGET", base .. "meta", "paused", "concurrency")
  local cap = tonumber(settings[2] or "")
  if not settings[1] and not (cap and redis.call("LLEN", base .. "active") >= cap) then
    redis.call("ZADD", base .. "marker", 0, "0")
  end
end
return count
`,
});

/**
 * KEYS[1] queues of this host
 * ARGV[1] prefix of our keys; ARGV[2] host id; then names of the tasks
 * Returns 1.
 */
const withdrawTasks = new Script<number>({
  name: "withdrawTasks",
  lua: `
redis.call("UNLINK", KEYS[1])
for index = 3, #ARGV do redis.call("SREM", ARGV[1] .. "task-hosts/" .. ARGV[index], ARGV[2]) end
return 1
`,
});
