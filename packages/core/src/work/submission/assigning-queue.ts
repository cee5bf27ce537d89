import type { Queue as BullQueue } from "bullmq";
import { ADD_AND_ASSIGN, ADD_AND_SORT, BULL_SCRIPTS, bullFunction } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { SERVER_TIME } from "../../redis/script/index.ts";
import { LIMIT_KEY_OPTION } from "../../wire/records/job.ts";
import { LARGEST_ASSIGNMENT, OFFER_KEPT, WHOLE } from "../../wire/records/slot-offers.ts";
import { mayHaveLimitKey, SORT_LONG_LINE } from "../limits/index.ts";

/** What runs the commands of BullMQ's scripts: its client, or a pipeline. */
interface Runner {
  runCommand(name: string, args: unknown[]): unknown;
}

/** The part of BullMQ's backend that is no public interface. */
interface Backend {
  execCommand(runner: Runner, script: string, args: unknown[]): unknown;
}

/** Hosts whose offers are looked at for one job. */
const HOSTS = 8;
const ADD_KEYS = BULL_SCRIPTS.addStandardJob;
const SORT_KEYS = BULL_SCRIPTS.addPrioritizedJob;
/** Keys of a queue that BullMQ's take needs beside those of its add. */
const MORE_KEYS: readonly QueuePart[] = ["prioritized", "stalled", "limiter", "pc"];

/** Connections that know the commands. */
const prepared = new WeakSet<RedisClient>();

/**
 * Lets `add` and `addBulk` of a queue assign jobs at once to hosts that offer slots for them; see `slot-offers.ts`. BullMQ does
 * all else: its script for a job that neither waits for a time nor has a priority is replaced by one that calls it. A job of
 * which limits may count a key is sorted with others when the line is long; see `limits/sort-line.ts`.
 */
export function assignAtOnce(queue: BullQueue, context: { client: RedisClient; keys: Keys }): void {
  const { client, keys } = context;
  if (!prepared.has(client)) {
    client.defineCommand(ADD_AND_ASSIGN, { numberOfKeys: ADD_KEYS + 5, lua: addAndAssign() });
    client.defineCommand(ADD_AND_SORT, { numberOfKeys: SORT_KEYS, lua: addAndSort() });
  }
  prepared.add(client);
  const { backend } = queue as unknown as { backend: Backend };
  const { name: pool } = queue;
  const more = [...MORE_KEYS.map((part) => keys.queue(pool, part)), keys.offers];
  const execCommand = backend.execCommand.bind(backend);
  backend.execCommand = (runner, script, args) => {
    if (script === "addPrioritizedJob" && mayHaveLimitKey(args[SORT_KEYS + 2])) {
      return runner.runCommand(ADD_AND_SORT, [...args, keys.jobs(pool), keys.prefix, pool]);
    }
    if (script !== "addStandardJob") return execCommand(runner, script, args);
    const parameters = [...args.slice(0, ADD_KEYS), ...more, ...args.slice(ADD_KEYS)];
    return runner.runCommand(ADD_AND_ASSIGN, [...parameters, keys.jobs(pool), keys.prefix, pool]);
  };
}

/**
 * KEYS[1] to KEYS[9] those of BullMQ's addStandardJob: wait, paused, meta, id, completed, delayed, active, events, marker;
 * KEYS[10] prioritized; KEYS[11] stalled; KEYS[12] limiter; KEYS[13] pc; KEYS[14] sorted set of hosts that offer slots
 * ARGV[1] to ARGV[3] those of addStandardJob; ARGV[4] prefix of the queue's keys; ARGV[5] prefix of our keys; ARGV[6] pool
 * Adds the job. If it is the only one that waits, and a host offers a slot for its pool and task, BullMQ's take gives it to
 * that host, unless the queue is paused, at its cap or limited; the job itself, or its id where it is long, goes into what
 * the host waits for. A job that is there already is not added, and is assigned only if it still waits. One of many that
 * wait, whose options tell a key of its limits, may be held back by it.
 * Returns what addStandardJob does: the id, or a number below 0.
 */
function addAndAssign(): string {
  return `${WHOLE}${SORT_LONG_LINE}
${bullFunction("addStandardJob")}
local id = addStandardJob(KEYS, ARGV)
if type(id) ~= "string" then return id end
local waiting = redis.call("LRANGE", KEYS[1], 0, 1)
if waiting[1] ~= id or waiting[2] then
  if waiting[2] and string.find(ARGV[3], "${LIMIT_KEY_OPTION}", 1, true) then
    sort_long_line({prefix = ARGV[5], pool = ARGV[6], queue = ARGV[4], delayed = KEYS[6], line = KEYS[1], added = id})
  end
  return id
end
local hosts = redis.pcall("ZRANGE", KEYS[14], 0, ${HOSTS - 1})
if hosts.err or #hosts == 0 then return id end
local task = redis.call("HGET", ARGV[4] .. id, "name")
${SERVER_TIME}
local now = server_time()
for _, host in ipairs(hosts) do
  local key = ARGV[5] .. "offers/" .. host
  local offer = redis.pcall("HMGET", key, "offered", "given", "epoch", "lock", "name", "p:" .. ARGV[6], "t:" .. task)
  local offered, given, lock = whole(offer[1]), whole(offer[2]), whole(offer[4])
  local is_readable = offered and given and lock and lock > 0 and offer[3] and offer[5]
  local renewal = ARGV[5] .. "offer-renewal/" .. host
  local renewed = redis.pcall("GET", renewal)
  local is_open = type(renewed) == "string"
  local at = is_open and string.match(renewed, "^[^!]*")
  local function tell_host()
    if is_open and at == renewed then redis.call("SET", renewal, renewed .. "!", "KEEPTTL") end
  end
  if not is_readable or not is_open or offered <= given then
    redis.call("ZREM", KEYS[14], host)
    tell_host()
  elseif offer[6] and offer[7] then
    ${bullFunction("moveToActive")}
    local number = given + 1
    -- A key of another type fails the take; the job has been added all the same.
    local is_done, taken = pcall(moveToActive,
      {KEYS[1], KEYS[7], KEYS[10], KEYS[8], KEYS[11], KEYS[12], KEYS[6], KEYS[2], KEYS[3], KEYS[13], KEYS[9]},
      {ARGV[4], string.format("%.0f", now), cmsgpack.pack({
        token = host .. ":" .. offer[3] .. ":" .. number,
        lockDuration = lock,
        name = offer[5]
      })})
    if not is_done or type(taken[1]) ~= "table" then return id end
    redis.call("HSET", key, "given", number, "a:" .. number, cjson.encode({ARGV[6], id, at}))
    tell_host()
    if number >= offered then redis.call("ZREM", KEYS[14], host)
    else redis.call("ZADD", KEYS[14], now, host) end
    local wake = ARGV[5] .. "host-wake/" .. host
    local unread = redis.pcall("ZCARD", wake)
    if type(unread) ~= "number" then unread = 0 end
    local message = cjson.encode({offer[3], number, at, ARGV[6], id, unread, taken[1]})
    if #message > ${LARGEST_ASSIGNMENT} then
      message = cjson.encode({offer[3], number, at, ARGV[6], id, unread})
    end
    redis.pcall("ZADD", wake, 0, message)
    redis.call("PEXPIRE", wake, ${OFFER_KEPT})
    if redis.call("EXISTS", KEYS[1], KEYS[10]) == 0 then redis.call("ZREM", KEYS[9], "0") end
    return id
  end
end
return id
`;
}

/**
 * KEYS[1] to KEYS[9] those of BullMQ's addPrioritizedJob: marker, meta, id, prioritized, delayed, completed, active, events, pc
 * ARGV[1] to ARGV[3] those of addPrioritizedJob; ARGV[4] prefix of the queue's keys; ARGV[5] prefix of our keys; ARGV[6] pool
 * Adds a job of which limits may count a key, and holds back what waits when the line is long.
 * Returns what addPrioritizedJob does: the id, or a number below 0.
 */
function addAndSort(): string {
  return `${SORT_LONG_LINE}
${bullFunction("addPrioritizedJob")}
local id = addPrioritizedJob(KEYS, ARGV)
if type(id) ~= "string" then return id end
sort_long_line({prefix = ARGV[5], pool = ARGV[6], queue = ARGV[4], delayed = KEYS[5], line = KEYS[4], is_prioritized = true,
  added = id})
return id
`;
}
