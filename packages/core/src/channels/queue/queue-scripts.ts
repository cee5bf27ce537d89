import { Script } from "../../script/index.ts";
import { type ObjectKind, OnceScript, REGISTER, SERVER_TIME, WAKE_UP } from "../../session/index.ts";

/** The kinds of queues; each has names of its own. */
export type QueueKind = "queue" | "simple-queue" | "joinable-queue";
/** `pipe-stream`: one direction of a pipe, which makes and removes it; named `<end that reads>/<pipe>`. */
export type StreamKind = QueueKind | "pipe-stream";

/** Time in which somebody who was woken must come, before the next one is woken, ms. */
const CLAIM_WINDOW = 1_000;

/**
 * A queue is called by its whole name here, such as "queue/orders". Its keys:
 * main, hash: state (open, draining, shut), maxSize, unfinished (puts without taskDone), zeros (how often unfinished came
 * to 0); items, list; getters, putters, joiners, pollers, lists of waiters; consumers, hash: "<session>#<number>" -> how many items it
 * has committed; claim of a consumer, list: items it has taken and not committed, oldest first.
 */
export const QUEUE_KEYS: string = `
local function queue_key(prefix, queue, part)
  local kind, name = string.match(queue, "^([^/]+)/(.*)$")
  return prefix .. kind .. "-" .. part .. "/" .. name
end
local function claim_key(prefix, queue, consumer)
  local kind, name = string.match(queue, "^([^/]+)/(.*)$")
  return prefix .. kind .. "-claim/" .. consumer .. "/" .. name
end
-- Who waits for anything to be there, and takes nothing.
local function wake_pollers(prefix, queue)
  local pollers = queue_key(prefix, queue, "pollers")
  wake_all(prefix, pollers)
  redis.call("DEL", pollers)
end
local function wake_getters(prefix, queue, count)
  wake_pollers(prefix, queue)
  local getters = queue_key(prefix, queue, "getters")
  local woken = 0
  while woken < count do
    local getter = redis.call("LPOP", getters)
    if not getter then break end
    if wake(prefix, getter) then woken = woken + 1 end
  end
  if woken > 0 and redis.call("EXISTS", getters) == 1 then
    redis.call("ZADD", prefix .. "deadlines", server_time() + ${CLAIM_WINDOW}, queue)
  end
end
local function wake_putter(prefix, queue)
  if not wake_first(prefix, queue_key(prefix, queue, "putters")) then return end
  redis.call("HSET", prefix .. queue, "called", redis.call("LINDEX", queue_key(prefix, queue, "putters"), 0))
  redis.call("ZADD", prefix .. "deadlines", server_time() + ${CLAIM_WINDOW}, queue)
end
local function has_room(prefix, queue)
  local limit = tonumber(redis.call("HGET", prefix .. queue, "maxSize"))
  return limit <= 0 or redis.call("LLEN", queue_key(prefix, queue, "items")) < limit
end
-- Puts the last \`count\` items of a claim back to the front, in their order.
local function give_back(prefix, queue, claim, count)
  local items = queue_key(prefix, queue, "items")
  local returned = 0
  while returned < count do
    local item = redis.call("RPOP", claim)
    if not item then break end
    redis.call("LPUSH", items, item)
    returned = returned + 1
  end
  if returned > 0 then wake_getters(prefix, queue, returned) end
  return returned
end
-- Removes what was put and not handed out.
local function drop_claims(prefix, queue)
  local consumers = queue_key(prefix, queue, "consumers")
  for _, consumer in ipairs(redis.call("HKEYS", consumers)) do
    redis.call("DEL", claim_key(prefix, queue, consumer))
    redis.call("SREM", prefix .. "session-holdings/" .. string.match(consumer, "^[^#]+"), queue)
  end
  redis.call("DEL", consumers)
end
-- Tells everybody who waits to look again.
local function wake_everybody(prefix, queue)
  for _, part in ipairs({ "getters", "putters", "joiners", "pollers" }) do
    wake_all(prefix, queue_key(prefix, queue, part))
    redis.call("DEL", queue_key(prefix, queue, part))
  end
end
local function remove_queue(prefix, queue)
  wake_everybody(prefix, queue)
  drop_claims(prefix, queue)
  redis.call("DEL", prefix .. queue)
  redis.call("UNLINK", queue_key(prefix, queue, "items"))
  redis.call("ZREM", prefix .. "objects", queue)
  redis.call("ZREM", prefix .. "deadlines", queue)
end
-- 0 = it is there, else the negative answer.
local function ensure(prefix, queue, owner, must_exist, max_size)
  if redis.call("EXISTS", prefix .. queue) == 1 then return 0 end
  if must_exist == "1" then return -2 end
  if not register(prefix, queue, owner, server_time()) then return -1 end
  redis.call("HSET", prefix .. queue, "state", "open", "maxSize", max_size, "unfinished", 0, "zeros", 0)
  return 0
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + QUEUE_KEYS;

export const QUEUE_KINDS: readonly ObjectKind[] = (
  ["queue", "simple-queue", "joinable-queue", "pipe-stream"] as const
).map(queueKind);

function queueKind(kind: StreamKind): ObjectKind {
  const reaper = `(function()
${QUEUE_KEYS}
return {
  look = function(prefix, name, now)
    local queue = "${kind}/" .. name
    local size = redis.call("LLEN", queue_key(prefix, queue, "items"))
    if size > 0 then wake_getters(prefix, queue, size) end
    local putters = queue_key(prefix, queue, "putters")
    local first = redis.call("LINDEX", putters, 0)
    if first and has_room(prefix, queue) then
      if redis.call("HGET", prefix .. queue, "called") == first then redis.call("LPOP", putters) end
      wake_putter(prefix, queue)
      return now + ${CLAIM_WINDOW}
    end
    if size > 0 and redis.call("EXISTS", queue_key(prefix, queue, "getters")) == 1 then return now + ${CLAIM_WINDOW} end
  end,
  leave = function(prefix, name, session)
    local queue = "${kind}/" .. name
    local consumers = queue_key(prefix, queue, "consumers")
    for _, consumer in ipairs(redis.call("HKEYS", consumers)) do
      if string.match(consumer, "^[^#]+") == session then
        local claim = claim_key(prefix, queue, consumer)
        give_back(prefix, queue, claim, redis.call("LLEN", claim))
        redis.call("HDEL", consumers, consumer)
      end
    end
  end,
  remove = function(prefix, name)
    remove_queue(prefix, "${kind}/" .. name)
  end,
}
end)()`;
  return { kind, reaper };
}

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] putters
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker of an unnamed one, ""; ARGV[4] "1" = it must exist;
 * ARGV[5] largest size, 0 = none; ARGV[6] waiter to store if it is full, "" = none; ARGV[7...] items
 * Returns how many were stored (0 = it is full), -1 = its maker is gone, -2 = it is gone, -3 = it was shut down.
 */
export const putItems: OnceScript<number> = new OnceScript<number>({
  name: "putItems",
  shared: SHARED,
  lua: `
local prefix, queue, waiter = ARGV[1], ARGV[2], ARGV[6]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return missing end
local state, limit = unpack(redis.call("HMGET", KEYS[1], "state", "maxSize"))
if state ~= "open" then return -3 end
local count = #ARGV - 8
limit = tonumber(limit)
if limit > 0 then
  local first = redis.call("LINDEX", KEYS[3], 0)
  while first and first ~= waiter and not is_alive(prefix, first) do
    redis.call("LPOP", KEYS[3])
    first = redis.call("LINDEX", KEYS[3], 0)
  end
  local is_turn = not first or first == waiter
  local room = limit - redis.call("LLEN", KEYS[2])
  count = is_turn and math.min(count, math.max(0, room)) or 0
  if count == 0 then
    if waiter ~= "" and not redis.call("LPOS", KEYS[3], waiter) then redis.call("RPUSH", KEYS[3], waiter) end
    if room > 0 and not is_turn and redis.call("HGET", KEYS[1], "called") ~= first then wake_putter(prefix, queue) end
    return 0
  end
  if first then redis.call("LPOP", KEYS[3]) end
  if room > count then wake_putter(prefix, queue) end
end
for from = 7, 6 + count, 1000 do
  redis.call("RPUSH", KEYS[2], unpack(ARGV, from, math.min(from + 999, 6 + count)))
end
redis.call("HINCRBY", KEYS[1], "unfinished", count)
wake_getters(prefix, queue, count)
return count
`,
});

/** Reply of {@link takeItems} and {@link takeLeased}: a number as of putItems, then items. */
export type TakeReply = [number, ...string[]];

/** A consumer of large messages is not given many of them at once, characters. */
const TAKEN_TEXT = 1024 * 1024;

const TAKE = `
-- The items of a pipe may be of any size, so that their number says nothing.
local function take_while_small(items, want)
  local got, size = {}, 0
  while #got < want and size < ${TAKEN_TEXT} do
    local item = redis.call("LPOP", items)
    if not item then break end
    table.insert(got, item)
    size = size + #item
  end
  return got
end
local function take(prefix, queue, consumer, want, waiter)
  local items, getters = queue_key(prefix, queue, "items"), queue_key(prefix, queue, "getters")
  local state = redis.call("HGET", prefix .. queue, "state")
  if state == "shut" then return { -3 } end
  local is_pipe = string.sub(queue, 1, 5) == "pipe-"
  local got = is_pipe and take_while_small(items, tonumber(want)) or redis.call("LPOP", items, want)
  if not got or #got == 0 then
    if state ~= "open" then return { -3 } end
    if waiter ~= "" and not redis.call("LPOS", getters, waiter) then redis.call("RPUSH", getters, waiter) end
    return { 0 }
  end
  if waiter ~= "" then redis.call("LREM", getters, 1, waiter) end
  if redis.call("HSETNX", queue_key(prefix, queue, "consumers"), consumer, 0) == 1 then
    redis.call("SADD", prefix .. "session-holdings/" .. string.match(consumer, "^[^#]+"), queue)
  end
  redis.call("RPUSH", claim_key(prefix, queue, consumer), unpack(got))
  if tonumber(redis.call("HGET", prefix .. queue, "maxSize")) > 0 then wake_putter(prefix, queue) end
  local left = redis.call("LLEN", items)
  if left > 0 then wake_getters(prefix, queue, left) end
  return { 1, unpack(got) }
end
`;

/**
 * KEYS[1] consumers; KEYS[2] claim of the consumer
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size, 0 = none; ARGV[6] consumer; ARGV[7] most items; ARGV[8] waiter to store if there are none, "" = none; ARGV[9] how
 * many items the consumer has committed in all; ARGV[10] how many uncommitted ones it knows of
 * Returns { 1, item, ... }, { 0 } = it is empty, { -1 }, { -2 }, { -3 } as of putItems.
 *
 * Repeated after a lost answer it finds items in the claim that the session does not know of, and gives these.
 */
export const takeItems: Script<TakeReply> = new Script<TakeReply>({
  name: "takeItems",
  lua: `${SHARED}${TAKE}
local prefix, queue, consumer = ARGV[1], ARGV[2], ARGV[6]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return { missing } end
local committed, done = tonumber(ARGV[9]), tonumber(redis.call("HGET", KEYS[1], consumer) or 0)
if committed > done then
  redis.call("LTRIM", KEYS[2], committed - done, -1)
  redis.call("HSET", KEYS[1], consumer, committed)
end
local unknown = redis.call("LRANGE", KEYS[2], ARGV[10], -1)
if #unknown > 0 then return { 1, unpack(unknown) } end
return take(prefix, queue, consumer, ARGV[7], ARGV[8])
`,
});

/**
 * KEYS[1] consumers; KEYS[2] claim of the consumer
 * ARGV[1] consumer; ARGV[2] how many items it has committed in all
 * Returns 1. The items before that are handed out: they are not given back any more.
 */
export const commitItems: Script<number> = new Script<number>({
  name: "commitItems",
  lua: `
local committed, done = tonumber(ARGV[2]), tonumber(redis.call("HGET", KEYS[1], ARGV[1]) or -1)
if done < 0 or committed <= done then return 1 end
redis.call("LTRIM", KEYS[2], committed - done, -1)
redis.call("HSET", KEYS[1], ARGV[1], committed)
return 1
`,
});

/**
 * As takeItems without ARGV[9] and ARGV[10], for items that stay claimed until taskDone.
 */
export const takeLeased: OnceScript<TakeReply> = new OnceScript<TakeReply>({
  name: "takeLeased",
  shared: SHARED + TAKE,
  lua: `
local missing = ensure(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return { missing } end
return take(ARGV[1], ARGV[2], ARGV[6], ARGV[7], ARGV[8])
`,
});

/**
 * KEYS[1] claim of the consumer
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] how many of its newest items; ARGV[4...] items to put before these
 * Returns how many went back to the front.
 */
export const returnItems: OnceScript<number> = new OnceScript<number>({
  name: "returnItems",
  shared: SHARED,
  lua: `
local prefix, queue = ARGV[1], ARGV[2]
local returned = give_back(prefix, queue, KEYS[1], tonumber(ARGV[3]))
if redis.call("EXISTS", prefix .. queue) == 0 then return returned end
for index = #ARGV - 2, 4, -1 do redis.call("LPUSH", queue_key(prefix, queue, "items"), ARGV[index]) end
wake_getters(prefix, queue, #ARGV - 5)
return returned + #ARGV - 5
`,
});

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] pollers
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size, 0 = none; ARGV[6] waiter to store if there is nothing, "" = none
 * Returns 1 = a take would not wait, for an item or because it was shut down; 0 = it would; -1, -2 as of putItems.
 */
export const pollQueue: Script<number> = new Script<number>({
  name: "pollQueue",
  lua: `${SHARED}
local missing = ensure(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return missing end
if redis.call("HGET", KEYS[1], "state") ~= "open" or redis.call("EXISTS", KEYS[2]) == 1 then return 1 end
if ARGV[6] ~= "" and not redis.call("LPOS", KEYS[3], ARGV[6]) then redis.call("RPUSH", KEYS[3], ARGV[6]) end
return 0
`,
});

/**
 * KEYS[1] getters or putters; KEYS[2] main
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] waiter
 * Returns 1. Whoever leaves passes on the wake-up that it may have got.
 */
export const abandonQueue: Script<number> = new Script<number>({
  name: "abandonQueue",
  lua: `${SHARED}
local prefix, queue = ARGV[1], ARGV[2]
redis.call("LREM", KEYS[1], 1, ARGV[3])
if redis.call("EXISTS", KEYS[2]) == 0 then return 1 end
local size = redis.call("LLEN", queue_key(prefix, queue, "items"))
if size > 0 then wake_getters(prefix, queue, size) end
if has_room(prefix, queue) then wake_putter(prefix, queue) end
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] claim of the session; KEYS[3] consumers; KEYS[4] joiners
 * ARGV[1] prefix of keys; ARGV[2] queue
 * Returns how many are unfinished now; -1 = more often than there were items, -2 = the queue is gone.
 *
 * It finishes the oldest item that the consumer has taken; of one that has none, the oldest of any other (J4).
 */
export const finishItem: OnceScript<number> = new OnceScript<number>({
  name: "finishItem",
  shared: SHARED,
  lua: `
local prefix, queue = ARGV[1], ARGV[2]
local unfinished = tonumber(redis.call("HGET", KEYS[1], "unfinished"))
if not unfinished then return -2 end
if unfinished == 0 then return -1 end
if not redis.call("LPOP", KEYS[2]) then
  for _, consumer in ipairs(redis.call("HKEYS", KEYS[3])) do
    if redis.call("LPOP", claim_key(prefix, queue, consumer)) then break end
  end
end
unfinished = redis.call("HINCRBY", KEYS[1], "unfinished", -1)
if unfinished == 0 then
  redis.call("HINCRBY", KEYS[1], "zeros", 1)
  wake_all(prefix, KEYS[4])
  redis.call("DEL", KEYS[4])
end
return unfinished
`,
});

/**
 * KEYS[1] main; KEYS[2] joiners
 * ARGV[1] waiter to store, "" = none; ARGV[2] zeros at the first look, "" = this is it
 * Returns { 1 = nothing is unfinished, or was for a moment since the first look; 0 = not yet, zeros }.
 */
export const joinQueue: Script<[number, string]> = new Script<[number, string]>({
  name: "joinQueue",
  lua: `
local unfinished, zeros = unpack(redis.call("HMGET", KEYS[1], "unfinished", "zeros"))
if not unfinished or unfinished == "0" then return { 1, zeros or "0" } end
if ARGV[2] ~= "" and tonumber(zeros) > tonumber(ARGV[2]) then return { 1, zeros } end
if ARGV[1] ~= "" and not redis.call("LPOS", KEYS[2], ARGV[1]) then redis.call("RPUSH", KEYS[2], ARGV[1]) end
return { 0, zeros }
`,
});

/**
 * KEYS[1] main; KEYS[2] items
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size; ARGV[6] "1" = at once: what is left is dropped
 * Returns 1, or -1, -2 as of putItems. Everybody who waits is told (Q11, Q12).
 */
export const shutQueue: OnceScript<number> = new OnceScript<number>({
  name: "shutQueue",
  shared: SHARED,
  lua: `
local prefix, queue = ARGV[1], ARGV[2]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return missing end
redis.call("HSET", KEYS[1], "state", ARGV[6] == "1" and "shut" or "draining")
if ARGV[6] == "1" then
  local dropped = redis.call("LLEN", KEYS[2])
  redis.call("DEL", KEYS[2])
  local unfinished = redis.call("HINCRBY", KEYS[1], "unfinished", -dropped)
  if unfinished == 0 and dropped > 0 then redis.call("HINCRBY", KEYS[1], "zeros", 1) end
end
wake_everybody(prefix, queue)
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] consumers
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] "1" = what is claimed counts as handed out
 * Returns { items that nobody has been handed, largest size, unfinished, state }; { -1 } = there is no such queue.
 */
export const measureQueue: Script<[number] | [number, string, string, string]> = new Script({
  name: "measureQueue",
  lua: `${QUEUE_KEYS.slice(0, QUEUE_KEYS.indexOf("-- Who waits for anything"))}
if redis.call("EXISTS", KEYS[1]) == 0 then return { -1 } end
local size = redis.call("LLEN", KEYS[2])
if ARGV[3] ~= "1" then
  for _, consumer in ipairs(redis.call("HKEYS", KEYS[3])) do
    size = size + redis.call("LLEN", claim_key(ARGV[1], ARGV[2], consumer))
  end
end
return { size, unpack(redis.call("HMGET", KEYS[1], "maxSize", "unfinished", "state")) }
`,
});
