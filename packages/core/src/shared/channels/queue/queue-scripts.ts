import { named, OnceScript, Script } from "../../../redis/script/index.ts";
import { CLAIM_TIME, REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";

/** The kinds of queues; each has names of its own. */
export type QueueKind = "queue" | "simple-queue" | "joinable-queue";
/** `pipe-stream`: one direction of a pipe, which makes and removes it; named `<end that reads>/<pipe>`. */
export type StreamKind = QueueKind | "pipe-stream";

/** Stands between items that travel in one text: in JSON no such character can be. */
export const SEPARATOR = "\u001e";

/** Items up to this size travel in one text, bytes. */
export const SMALL_ITEM = 256;

/** How long items whose answer was lost are kept for a consumer whose session expired, ms. */
const LATE_ANSWER = 120_000;
/** More consumers than this, and the closed ones of which nothing is left are forgotten. */
const KEPT_CONSUMERS = 50;

/** Lua: names of a queue's keys, and the counts and claims of its consumers; see {@link QUEUE_KEYS} for what they hold. */
export const COUNTS: string = `
local function queue_key(prefix, queue, part)
  local kind, name = string.match(queue, "^([^/]+)/(.*)$")
  return prefix .. kind .. "-" .. part .. "/" .. name
end
local function claim_key(prefix, queue, consumer)
  local kind, name = string.match(queue, "^([^/]+)/(.*)$")
  return prefix .. kind .. "-claim/" .. consumer .. "/" .. name
end
local function block_key(prefix, queue, number)
  return claim_key(prefix, queue, number):gsub("%-claim/", "-block/", 1)
end
local function block_of(element)
  local number, count = string.match(element, "^\\4(%d+) (%d+)$")
  return number, tonumber(count)
end
local function blocks_key(prefix, queue, consumer)
  return claim_key(prefix, queue, consumer):gsub("%-claim/", "-claimed-blocks/", 1)
end
-- How many items are in a claim.
local function claim_size(prefix, queue, consumer)
  local size = redis.call("LLEN", claim_key(prefix, queue, consumer))
  for _, element in ipairs(redis.call("LRANGE", blocks_key(prefix, queue, consumer), 0, -1)) do
    local _, count = block_of(element)
    size = size + count
  end
  return size
end
-- Of a queue with item options: items with a priority, and those that are not due.
local function ranked_size(prefix, queue)
  return redis.call("ZCARD", queue_key(prefix, queue, "ranked"))
end
local function delayed_size(prefix, queue)
  return redis.call("ZCARD", queue_key(prefix, queue, "delayed"))
end
local function size_of(prefix, queue)
  local blocked, sorted = unpack(redis.call("HMGET", prefix .. queue, "blocked", "sorted"))
  local size = redis.call("LLEN", queue_key(prefix, queue, "items")) + tonumber(blocked or 0)
  if sorted then size = size + ranked_size(prefix, queue) + delayed_size(prefix, queue) end
  return size
end
local function read_counts(consumers, consumer)
  local first, committed = string.match(redis.call("HGET", consumers, consumer) or "", "^(%d+) (%d+)$")
  return tonumber(first), tonumber(committed)
end
local function read_closed(consumers, consumer)
  local first, committed = string.match(redis.call("HGET", consumers, consumer) or "", "^(%d+) (%d+) closed$")
  return tonumber(first), tonumber(committed)
end
-- How many items of a claim others may still get.
local function uncommitted(prefix, queue, consumer)
  local first, committed = read_counts(queue_key(prefix, queue, "consumers"), consumer)
  if not first then return 0 end
  return math.max(0, claim_size(prefix, queue, consumer) - math.max(0, committed - first))
end
local function count_uncommitted(prefix, queue)
  local count = 0
  for _, consumer in ipairs(redis.call("HKEYS", queue_key(prefix, queue, "consumers"))) do
    count = count + uncommitted(prefix, queue, consumer)
  end
  return count
end
local function split(text)
  local items, from = {}, 1
  while true do
    local to = string.find(text, "\\30", from, true)
    if not to then break end
    items[#items + 1] = string.sub(text, from, to - 1)
    from = to + 1
  end
  items[#items + 1] = from == 1 and text or string.sub(text, from)
  return items
end
-- Forgets items of a claim that were handed out; single ones stand before blocks. Returns the number of its first item.
local function trim(prefix, queue, consumer, first, handed)
  local claim, blocks = claim_key(prefix, queue, consumer), blocks_key(prefix, queue, consumer)
  local single = math.min(handed - first, redis.call("LLEN", claim))
  if single > 0 then redis.call("LTRIM", claim, single, -1) end
  first = first + single
  while first < handed do
    local element = redis.call("LINDEX", blocks, 0)
    if not element then return handed end
    local number, count = block_of(element)
    if first + count > handed then return first end
    redis.call("LPOP", blocks)
    redis.call("UNLINK", (block_key(prefix, queue, number)))
    first = first + count
  end
  return first
end
`;

/**
 * A queue is called by its whole name here, such as "queue/orders". Its keys:
 * main, hash: state (open, draining, shut), maxSize, unfinished (puts without taskDone), zeros (how often unfinished came
 * to 0), largest (bytes of the largest item, where that matters), answers (how many were left in puts when they were looked
 * through last), called and calledUntil (the putter whose turn it is, and by when it must come, server time in ms),
 * wokenUntil (by when getters that were woken must come, before those behind them are woken, too); items, list; getters, putters, joiners, pollers, lists of waiters; claim of a consumer, list: items it has
 * taken, oldest first; consumers, hash: "<session>#<number>" -> two counts.
 *
 * A consumer numbers the items that it takes. Its counts are the number of the first item in its claim, and that of the
 * first one which is not committed: those before are handed out, or about to be, and are given to no other. They stay in
 * the claim until the consumer says that it has them. In a joinable queue nothing is committed; the first count grows with
 * each item that is done. The counts of a consumer whose session has ended are closed, "<first> <committed> closed": its
 * process may live, ask again for committed items of which the answer was lost, and give back what it did not hand out. puts, hash: answers to puts and taskDone that may be sent again, "<session>:<place>.<number>".
 *
 * The main hash of a pipe's stream has one more field, onlyHolder: the only session that has the end which reads it, while
 * that end is not on its way to another process. A consumer of it may be the standing reader of the end, to which a
 * message goes at once, with the wake-up. The hash pipe-standing/<pipe> has, for each end: reader,
 * "<session>|<number>|<number of the consumer>|<its label>"; given, how many messages have gone to the consumer;
 * acknowledged, how many of them it has handed out, one less at most; message, the last one. Nothing of it is
 * committed: as long as there is one holder, no other process can get it. A reader stands only while no items are
 * there and its claim is empty; every other script that touches the stream dismisses it first, which puts what it has
 * not handed out into its claim. sent-<sender>: numbers of messages of a sender that are stored.
 *
 * Many items of some size, put at once, stay together as a block: a string, the items with separators between them. In the
 * list stands what refers to it, the byte 4 and "<number> <count>"; `blocked` in main is how many more items there are than
 * elements of the list. A consumer that asks for many takes a block as a whole, which is not copied through Lua; its claim
 * is then the list claimed-blocks. One that wants less takes the block apart.
 *
 * An item that was put with a delay, a priority or a unique key is stored as byte 5, its number (16 digits), its priority,
 * its key as JSON, byte 5, the item. `sorted` in main is the last such number: where that is not, the queue has none. While it
 * is not due it is in the sorted set delayed, by when it is, server time in ms; then it gets a new number and is in the sorted set
 * ranked, by its priority, negated, and with priority 0 in the list. Its key is in the set unique until it is
 * taken, in a leased queue until it is done. Of such a queue no more is taken than is asked for.
 */
export const QUEUE_KEYS: string = `${COUNTS}
-- Messages go to no reader at once any more. Its claim has what it was given and has not handed out: what Redis knows of
-- that, or the reader says, who is not told then. Returns whether that reader stood.
local function dismiss_reader(prefix, queue, entry, handed)
  local one, name = string.match(queue, "^pipe%-stream/(%d)/(.*)$")
  if not one then return false end
  local standing = prefix .. "pipe-standing/" .. name
  local reader, given, acknowledged = unpack(redis.call("HMGET", standing, "reader-" .. one, "given-" .. one, "acknowledged-" .. one))
  if not reader then return false end
  local first = math.max(tonumber(acknowledged), handed or 0)
  local session, number = string.match(reader, "^([^|]+)|%d+|(%d+)")
  local consumer = session .. "#" .. number
  if first < tonumber(given) then
    redis.call("RPUSH", claim_key(prefix, queue, consumer), redis.call("HGET", standing, "message-" .. one))
  end
  redis.call("HSET", queue_key(prefix, queue, "consumers"), consumer, string.format("%d %d", first, first))
  redis.call("HDEL", standing, "reader-" .. one, "given-" .. one, "acknowledged-" .. one, "message-" .. one)
  if reader ~= entry then wake(prefix, reader) end
  return reader == entry
end
-- Who waits for anything to be there, and takes nothing.
local function wake_pollers(prefix, queue)
  local pollers = queue_key(prefix, queue, "pollers")
  if redis.call("EXISTS", pollers) == 0 then return end
  wake_all(prefix, pollers)
  redis.call("DEL", pollers)
end
-- Its session holds the wait, so that nothing of it is left when that ends.
local function note_wait(prefix, queue, waiter)
  redis.call("SADD", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), queue)
end
${CLAIM_TIME}
local function wake_getters(prefix, queue, count)
  wake_pollers(prefix, queue)
  local getters = queue_key(prefix, queue, "getters")
  local woken = {}
  while #woken < count do
    local getter = redis.call("LPOP", getters)
    if not getter then break end
    if wake(prefix, getter) then woken[#woken + 1] = getter end
  end
  if #woken == 0 or redis.call("EXISTS", getters) == 0 then return end
  local window = 0
  for _, getter in ipairs(woken) do window = math.max(window, claim_window(prefix, getter)) end
  local due = string.format("%d", server_time() + window)
  redis.call("HSET", prefix .. queue, "wokenUntil", due)
  redis.call("ZADD", prefix .. "deadlines", "LT", due, queue)
end
-- Who was called already and has not come is told again, and has no more time than before.
local function wake_putter(prefix, queue)
  local putters = queue_key(prefix, queue, "putters")
  if not wake_first(prefix, putters) then return end
  local first = redis.call("LINDEX", putters, 0)
  local called, due = unpack(redis.call("HMGET", prefix .. queue, "called", "calledUntil"))
  if called ~= first or not due then
    due = string.format("%d", server_time() + claim_window(prefix, first))
    redis.call("HSET", prefix .. queue, "called", first, "calledUntil", due)
  end
  redis.call("ZADD", prefix .. "deadlines", "LT", due, queue)
end
local function has_room(prefix, queue)
  local limit = tonumber(redis.call("HGET", prefix .. queue, "maxSize") or 0)
  return limit <= 0 or size_of(prefix, queue) < limit
end
local function is_leased(queue)
  return string.sub(queue, 1, 9) == "joinable-"
end
-- Priority and unique key ("" = none) of an item that was put with options; nil of another.
local function options_of(item)
  if string.byte(item) ~= 5 then return nil end
  local priority, key = string.match(item, "^\\5%d+ (%-?%d+) (.-)\\5")
  return tonumber(priority), key
end
local function rank(prefix, queue, item, priority)
  redis.call("ZADD", queue_key(prefix, queue, "ranked"), string.format("%.0f", -priority), item)
end
-- Its key may be put again.
local function free_key(prefix, queue, item)
  local _, key = options_of(item)
  if key and key ~= "" then redis.call("SREM", queue_key(prefix, queue, "unique"), key) end
end
-- The item can be taken from now on, after all of its priority.
local function place_item(prefix, queue, item)
  item = string.format("\\5%016d", redis.call("HINCRBY", prefix .. queue, "sorted", 1)) .. string.sub(item, 18)
  local priority = options_of(item)
  if priority == 0 then redis.call("RPUSH", queue_key(prefix, queue, "items"), item) else rank(prefix, queue, item, priority) end
end
-- Makes items that are due ones that can be taken. Returns ms until the next one is due, nil = there is none.
local function ripen(prefix, queue)
  local delayed, now = queue_key(prefix, queue, "delayed"), server_time()
  if redis.call("EXISTS", delayed) == 0 then return nil end
  local due = redis.call("ZRANGEBYSCORE", delayed, "-inf", string.format("%d", now), "LIMIT", 0, 1000)
  for _, item in ipairs(due) do
    redis.call("ZREM", delayed, item)
    place_item(prefix, queue, item)
  end
  local soonest = redis.call("ZRANGE", delayed, 0, 0, "WITHSCORES")[2]
  return soonest and math.max(1, tonumber(soonest) - now)
end
-- How many elements can be taken; a block counts as one.
local function ready_size(prefix, queue)
  local size = redis.call("LLEN", queue_key(prefix, queue, "items"))
  if redis.call("HEXISTS", prefix .. queue, "sorted") == 0 then return size end
  local due = ripen(prefix, queue)
  return redis.call("LLEN", queue_key(prefix, queue, "items")) + ranked_size(prefix, queue), due
end
-- Items that will never be done.
local function drop(prefix, queue, count)
  if count == 0 or not is_leased(queue) then return end
  if redis.call("HINCRBY", prefix .. queue, "unfinished", -count) > 0 then return end
  redis.call("HINCRBY", prefix .. queue, "zeros", 1)
  wake_all(prefix, queue_key(prefix, queue, "joiners"))
  redis.call("DEL", queue_key(prefix, queue, "joiners"))
end
-- Moves the last item of a claim to where it was, before all that were put later; its key is in the queue again.
local function return_sorted(prefix, queue, claim)
  local item = redis.call("RPOP", claim)
  if not item then return nil end
  local priority, key = options_of(item)
  if key and key ~= "" then redis.call("SADD", queue_key(prefix, queue, "unique"), key) end
  if priority and priority ~= 0 then rank(prefix, queue, item, priority)
  else redis.call("LPUSH", queue_key(prefix, queue, "items"), item) end
  return item
end
-- Puts the last \`count\` items of a claim back to the front, in their order; what was shut down at once takes none.
local function give_back(prefix, queue, claim, count)
  local state, sorted = unpack(redis.call("HMGET", prefix .. queue, "state", "sorted"))
  local is_shut = state == "shut"
  local items = queue_key(prefix, queue, "items")
  local returned = 0
  while returned < count do
    local item
    if is_shut then item = redis.call("RPOP", claim)
    elseif sorted then item = return_sorted(prefix, queue, claim)
    else item = redis.call("LMOVE", claim, items, "RIGHT", "LEFT") end
    if not item then break end
    returned = returned + 1
  end
  if is_shut then drop(prefix, queue, returned) elseif returned > 0 then wake_getters(prefix, queue, returned) end
  return returned
end
local function forget_blocks(prefix, queue, list)
  for _, element in ipairs(redis.call("LRANGE", list, 0, -1)) do
    local number = block_of(element)
    if number then redis.call("UNLINK", (block_key(prefix, queue, number))) end
  end
end
-- Forgets what is in the queue. Returns how many items that were.
local function forget_items(prefix, queue)
  local size = size_of(prefix, queue)
  local items = queue_key(prefix, queue, "items")
  if redis.call("HDEL", prefix .. queue, "blocked") == 1 then forget_blocks(prefix, queue, items) end
  redis.call("UNLINK", items, queue_key(prefix, queue, "ranked"), queue_key(prefix, queue, "delayed"),
    queue_key(prefix, queue, "unique"))
  return size
end
local function forget_claim(prefix, queue, consumer)
  local blocks = blocks_key(prefix, queue, consumer)
  forget_blocks(prefix, queue, blocks)
  redis.call("DEL", claim_key(prefix, queue, consumer), blocks)
end
-- The items of a block, which is no more.
local function take_apart(prefix, queue, number)
  local key = block_key(prefix, queue, number)
  local text = redis.call("GET", key) or ""
  redis.call("UNLINK", key)
  return split(text)
end
-- Makes a claim of single items.
local function flatten(prefix, queue, consumer)
  local blocks = blocks_key(prefix, queue, consumer)
  if redis.call("EXISTS", blocks) == 0 then return end
  for _, element in ipairs(redis.call("LRANGE", blocks, 0, -1)) do
    redis.call("RPUSH", claim_key(prefix, queue, consumer), unpack(take_apart(prefix, queue, (block_of(element)))))
  end
  redis.call("DEL", blocks)
end
local function forget_consumer(prefix, queue, consumer)
  forget_claim(prefix, queue, consumer)
  redis.call("HDEL", queue_key(prefix, queue, "consumers"), consumer)
end
-- Removes what was put and not handed out.
local function drop_claims(prefix, queue)
  local consumers = queue_key(prefix, queue, "consumers")
  for _, consumer in ipairs(redis.call("HKEYS", consumers)) do
    forget_claim(prefix, queue, consumer)
    redis.call("SREM", prefix .. "session-holdings/" .. string.match(consumer, "^[^#]+"), queue)
  end
  redis.call("DEL", consumers)
end
-- Wakes all waiters, to look again.
local function wake_everybody(prefix, queue)
  dismiss_reader(prefix, queue)
  for _, part in ipairs({ "getters", "putters", "joiners", "pollers" }) do
    wake_all(prefix, queue_key(prefix, queue, part))
    redis.call("DEL", queue_key(prefix, queue, part))
  end
end
local function remove_queue(prefix, queue)
  wake_everybody(prefix, queue)
  drop_claims(prefix, queue)
  forget_items(prefix, queue)
  redis.call("DEL", prefix .. queue)
  redis.call("DEL", queue_key(prefix, queue, "puts"))
  redis.call("ZREM", prefix .. "objects", queue)
  redis.call("ZREM", prefix .. "deadlines", queue)
end
`;

const ENSURE = `
-- 0 = it is there, else the negative answer.
local function ensure(prefix, queue, owner, must_exist, max_size)
  if redis.call("EXISTS", prefix .. queue) == 1 then return 0 end
  if must_exist == "1" then return -2 end
  if not register(prefix, queue, owner, server_time()) then return -1 end
  redis.call("HSET", prefix .. queue, "state", "open", "maxSize", max_size, "unfinished", 0, "zeros", 0)
  return 0
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + QUEUE_KEYS + ENSURE;

/** Lua: gives back what consumers of expired sessions had taken, forgets their waiters, and wakes the next ones. */
export function queueReaper(kind: StreamKind): string {
  return `(function()
${QUEUE_KEYS}
return {
  look = function(prefix, name, now)
    local queue = "${kind}/" .. name
    local main, putters = prefix .. queue, queue_key(prefix, queue, "putters")
    local function due_by(field)
      return tonumber(redis.call("HGET", main, field) or 0)
    end
    local size = ready_size(prefix, queue)
    if size > 0 and due_by("wokenUntil") <= now then wake_getters(prefix, queue, size) end
    local first = redis.call("LINDEX", putters, 0)
    local next_look
    if first and has_room(prefix, queue) then
      if redis.call("HGET", main, "called") ~= first then
        wake_putter(prefix, queue)
      elseif due_by("calledUntil") <= now then
        redis.call("LPOP", putters)
        redis.call("HDEL", main, "called", "calledUntil")
        wake_putter(prefix, queue)
      end
      if redis.call("EXISTS", putters) == 1 then next_look = due_by("calledUntil") end
    end
    if size > 0 and redis.call("EXISTS", queue_key(prefix, queue, "getters")) == 1 then
      next_look = math.min(next_look or math.huge, due_by("wokenUntil"))
    end
    return next_look
  end,
  leave = function(prefix, name, session, now, exited)
    local queue = "${kind}/" .. name
    local consumers = queue_key(prefix, queue, "consumers")
    dismiss_reader(prefix, queue)
    for _, consumer in ipairs(redis.call("HKEYS", consumers)) do
      local first, committed = read_counts(consumers, consumer)
      if first and string.match(consumer, "^[^#]+") == session then
        local claim = claim_key(prefix, queue, consumer)
        flatten(prefix, queue, consumer)
        give_back(prefix, queue, claim, uncommitted(prefix, queue, consumer))
        if exited or is_leased(queue) or redis.call("EXISTS", claim) == 0 then
          forget_consumer(prefix, queue, consumer)
        else
          redis.call("HSET", consumers, consumer, string.format("%d %d closed", first, committed))
          redis.call("PEXPIRE", claim, ${LATE_ANSWER})
        end
      end
    end
    for _, part in ipairs({ "getters", "putters", "joiners", "pollers" }) do
      local waiters = queue_key(prefix, queue, part)
      for _, waiter in ipairs(redis.call("LRANGE", waiters, 0, -1)) do
        if string.match(waiter, "^[^|]+") == session then redis.call("LREM", waiters, 1, waiter) end
      end
    end
    if has_room(prefix, queue) then wake_putter(prefix, queue) end
  end,
  remove = function(prefix, name)
    remove_queue(prefix, "${kind}/" .. name)
  end,
}
end)()`;
}

/**
 * Answers to puts are kept for so many; beyond, those of processes that have ended are forgotten. What is left then counts
 * twice, so that many puts under way at the same time are not looked through with each of them.
 */
const KEPT_ANSWERS = 500;

/** Items of which so many would be more than TAKEN_TEXT are noted as large, bytes. */
const MOST_ITEMS = 1_000;
const TAKEN_TEXT = 2 * 1024 * 1024;

/** Lua of {@link putItems}, which {@link sendMessage} uses as well. */
const PUT = `
local prefix, queue, waiter = ARGV[1], ARGV[2], ARGV[6]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return missing end
local state, limit, known_largest, sorted = unpack(redis.call("HMGET", KEYS[1], "state", "maxSize", "largest", "sorted"))
if state ~= "open" then return -3 end
if ARGV[7] == "block" then
  if tonumber(limit) > 0 then return -5 end
  if redis.call("EXISTS", KEYS[4]) == 0 then return -6 end
  local number, size = string.format("%d", redis.call("HINCRBY", KEYS[1], "blocks", 1)), tonumber(ARGV[8])
  local block = block_key(prefix, queue, number)
  redis.call("RENAME", KEYS[4], block)
  redis.call("PERSIST", block)
  redis.call("RPUSH", KEYS[2], "\\4" .. number .. " " .. ARGV[8])
  redis.call("HINCRBY", KEYS[1], "blocked", size - 1)
  if is_leased(queue) then redis.call("HINCRBY", KEYS[1], "unfinished", size) end
  wake_getters(prefix, queue, size)
  return size
end
local items = {}
dismiss_reader(prefix, queue)
local has_options = ARGV[7] == "sorted"
if has_options and ARGV[11] ~= "" and redis.call("SISMEMBER", queue_key(prefix, queue, "unique"), ARGV[11]) == 1 then
  if waiter ~= "" then
    redis.call("LREM", KEYS[3], 1, waiter)
    if redis.call("HGET", KEYS[1], "called") == waiter then redis.call("HDEL", KEYS[1], "called", "calledUntil") end
    if has_room(prefix, queue) then wake_putter(prefix, queue) end
  end
  return -7
end
if has_options then
  items = { ARGV[8] }
elseif ARGV[7] == "text" then
  items = split(ARGV[8])
else
  for index = 8, #ARGV - 2 do items[#items + 1] = ARGV[index] end
end
local count = #items
limit = tonumber(limit)
if limit > 0 then
  if ARGV[7] ~= "one" and not has_options then return -5 end
  local session, number = string.match(waiter, "^([^|]+)|(%d+)")
  local function is_ours(other)
    local their_session, their_number = string.match(other, "^([^|]+)|(%d+)")
    return their_session == session, tonumber(their_number) > (tonumber(number) or 0)
  end
  local first = redis.call("LINDEX", KEYS[3], 0)
  while first and first ~= waiter and not is_alive(prefix, first) do
    redis.call("LPOP", KEYS[3])
    first = redis.call("LINDEX", KEYS[3], 0)
  end
  local is_turn = not first or first == waiter
  if not is_turn and waiter ~= "" then
    local ours, came_later = is_ours(first)
    is_turn = ours and came_later
  end
  local room = limit - redis.call("LLEN", KEYS[2])
  if sorted then room = room - ranked_size(prefix, queue) - delayed_size(prefix, queue) end
  count = is_turn and math.min(count, math.max(0, room)) or 0
  if waiter ~= "" and redis.call("HGET", KEYS[1], "called") == waiter then
    redis.call("HDEL", KEYS[1], "called", "calledUntil")
  end
  if count == 0 then
    if waiter ~= "" and not redis.call("LPOS", KEYS[3], waiter) then
      local before
      local ours_is_last, came_later = is_ours(redis.call("LINDEX", KEYS[3], -1) or waiter)
      -- Where the last waiter is ours and came before, none of ours came later.
      if not ours_is_last or came_later then
        for _, other in ipairs(redis.call("LRANGE", KEYS[3], 0, -1)) do
          local is_own, is_later = is_ours(other)
          if is_own and is_later then before = other break end
        end
      end
      note_wait(prefix, queue, waiter)
      if before then redis.call("LINSERT", KEYS[3], "BEFORE", before, waiter) else redis.call("RPUSH", KEYS[3], waiter) end
    end
    if room > 0 and not is_turn and redis.call("HGET", KEYS[1], "called") ~= first then wake_putter(prefix, queue) end
    return 0
  end
  if waiter ~= "" then redis.call("LREM", KEYS[3], 1, waiter) end
  if room > count then wake_putter(prefix, queue) end
end
local largest = 0
for index = 1, count do largest = math.max(largest, #items[index]) end
if largest > ${TAKEN_TEXT / MOST_ITEMS} and largest > tonumber(known_largest or 0) then
  redis.call("HSET", KEYS[1], "largest", largest)
end
if is_leased(queue) then redis.call("HINCRBY", KEYS[1], "unfinished", count) end
if has_options then
  local number = ARGV[9] == "0" and 0 or redis.call("HINCRBY", KEYS[1], "sorted", 1)
  local item = table.concat({ string.format("\\5%016d", number), " ", ARGV[10], " ", ARGV[11], "\\5", ARGV[8] })
  if ARGV[11] ~= "" then redis.call("SADD", queue_key(prefix, queue, "unique"), ARGV[11]) end
  if ARGV[9] == "0" then
    place_item(prefix, queue, item)
    wake_getters(prefix, queue, 1)
  else
    local delayed = queue_key(prefix, queue, "delayed")
    redis.call("ZADD", delayed, string.format("%.0f", server_time() + tonumber(ARGV[9])), item)
    if redis.call("ZRANK", delayed, item) == 0 then
      -- All that wait look again when it is due; they keep their places.
      wake_all(prefix, queue_key(prefix, queue, "getters"))
      wake_all(prefix, queue_key(prefix, queue, "pollers"))
    end
  end
else
  for from = 1, count, 1000 do
    redis.call("RPUSH", KEYS[2], unpack(items, from, math.min(from + 999, count)))
  end
  wake_getters(prefix, queue, count)
end
local answers = KEYS[#KEYS]
if redis.call("HLEN", answers) > ${KEPT_ANSWERS} + 2 * tonumber(redis.call("HGET", KEYS[1], "answers") or 0) then
  for _, id in ipairs(redis.call("HKEYS", answers)) do
    if redis.call("EXISTS", prefix .. "session/" .. string.match(id, "^[^:]+")) == 0 then redis.call("HDEL", answers, id) end
  end
  redis.call("HSET", KEYS[1], "answers", redis.call("HLEN", answers))
end
return count
`;

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] putters; KEYS[4] where a block was written
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker of an unnamed one, ""; ARGV[4] "1" = it must exist;
 * ARGV[5] largest size, 0 = none; ARGV[6] waiter to store if it is full, "" = none; ARGV[7] "one" = ARGV[8] is the item; "text" =
 * it is many with separators between them, "bytes" = ARGV[8...] are the items, "block" =
 * ARGV[8] is how many there are in the block: these three only where there is no limit; "sorted" = ARGV[8] is the item,
 * ARGV[9] its delay, ms, ARGV[10] its priority, ARGV[11] its unique key as JSON, "" = none
 * Returns how many were stored (0 = it is full), -1 = its maker is gone, -2 = it is gone, -3 = it was shut down, -5 = it has
 * a limit: nothing was stored, -6 = the block is gone, -7 = the key is in the queue: nothing was stored.
 *
 * Waiters of one process go in the order in which they began to wait, also where one of them had to be stored again.
 */
export const putItems: OnceScript<PutReply> = new OnceScript<PutReply>({
  name: "putItems",
  read: readPutReply,
  shared: SHARED,
  lua: PUT,
});

/** Why nothing can be put or taken; "shut" = the queue was shut down. */
export type QueueRefusal = Absence | "shut";

const REFUSALS = { ...ABSENCE, [-3]: "shut" } as const;

/**
 * What {@link putItems} replies; "limited" = it has a limit of size; "expired" = the block is gone; "duplicate" = its key is
 * in the queue. All but "stored" store nothing.
 */
export type PutReply = "stored" | "full" | "limited" | "expired" | "duplicate" | QueueRefusal;

function readPutReply(reply: number): PutReply {
  return reply > 0 ? "stored" : PUT_REFUSALS(reply);
}

const PUT_REFUSALS = named({ 0: "full", [-5]: "limited", [-6]: "expired", [-7]: "duplicate", ...REFUSALS });

/** What {@link sendMessage} replies; "reader stands" = and the sender's own reader, which has no more to say. */
export type SendReply = PutReply | "stored, reader stands";

/** So many messages of one sender are known to be stored: more than may be on their way at the same time. */
const KEPT_MESSAGES = 8;

/**
 * Stores one message of a pipe. It goes at once to the reader that stands, and what its sender has received is told on the
 * way; else it is put as by putItems. It acts once, however often it is sent.
 *
 * KEYS[1] the pipe's standing readers; KEYS[2] main, KEYS[3] items, KEYS[4] putters of the stream; KEYS[5] answers to puts
 * ARGV[1] prefix of keys; ARGV[2] name of the pipe; ARGV[3] the end that reads; ARGV[4] message; ARGV[5] sender,
 * "<session>:<place>"; ARGV[6] number of the message, of this sender; ARGV[7] the entry of the standing reader of the
 * sender's own end if it has handed out what Redis does not know of, "" = none; ARGV[8] the number of the first message
 * that this reader has not handed out
 * Returns 1; 2 = the reader of the sender stands, and has no more to say; negative answers as of putItems.
 */
export const sendMessage: Script<SendReply> = new Script<SendReply>({
  name: "sendMessage",
  read: (reply: number) => (reply === 2 ? "stored, reader stands" : readPutReply(reply)),
  // What Lua defines and calls takes longer than what Redis does: the usual case comes first, with few of both.
  lua: `
local standing, prefix, to, sender, number = KEYS[1], ARGV[1], ARGV[3], "sent-" .. ARGV[5], ARGV[6]
local own = to == "0" and "1" or "0"
local reader, given, acknowledged, own_reader, sent = unpack(redis.call("HMGET", standing,
  "reader-" .. to, "given-" .. to, "acknowledged-" .. to, "reader-" .. own, sender))
if sent and string.find(sent, " " .. number .. " ", 1, true) then return 1 end
sent = " " .. number .. (sent or " ")
if #sent > 40 then sent = string.match(sent, "^${" %d+".repeat(KEPT_MESSAGES)} ") or sent end
local stands = 0
local written = { sender, sent }
if ARGV[7] ~= "" and own_reader == ARGV[7] then
  stands = 1
  written = { sender, sent, "acknowledged-" .. own, ARGV[8] }
end
if reader and given == acknowledged then
  local session, waiter = string.match(reader, "^([^|]+)|(%d+)")
  local record = prefix .. "session/" .. session
  if redis.call("EXISTS", record) == 1 then
    redis.call("HSET", standing, "given-" .. to, string.format("%d", given + 1), "message-" .. to, ARGV[4], unpack(written))
    local count = string.format("%d", redis.call("HINCRBY", record, "wakeups", 1))
    redis.call("PUBLISH", prefix .. "wakeups/" .. session, table.concat({ count, waiter, given, ARGV[4] }, " "))
    return 1 + stands
  end
end
local function put(KEYS, ARGV)
${SHARED}${PUT}
end
local stored = put({ KEYS[2], KEYS[3], KEYS[4], KEYS[3], KEYS[5] },
  { prefix, "pipe-stream/" .. to .. "/" .. ARGV[2], "", "1", "0", "", "bytes", ARGV[4], "", "" })
if stored < 1 then return stored end
redis.call("HSET", standing, unpack(written))
return 1 + stands
`,
});

/** What {@link takeItems} replies. `committed`: the number of the first item that is not committed for this consumer. */
export type TakeReply =
  /** One text with separators, or one after another. */
  | { is: "taken"; committed: number; count: number; items: string[]; isSorted: boolean }
  | { is: "block taken"; committed: number; key: string }
  /** `stands`: the standing reader is this consumer. `dueIn`: ms until an item can be taken that is there. */
  | { is: "empty"; stands: boolean; dueIn: number | undefined }
  /** The rest of the claim was given to others, or Redis has lost that it was taken. */
  | { is: "given away"; committed: number }
  | { is: QueueRefusal };

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] getters; KEYS[4] consumers; KEYS[5] claim of the consumer
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size, 0 = none; ARGV[6] waiter to store if there are none, "" = none; ARGV[7] consumer; ARGV[8] most items; ARGV[9] the
 * number of the first that is not committed at once; ARGV[10] the number of the first item that the consumer has not handed out, ARGV[11]
 * of the first for which it needs its claim, ARGV[12] of the first that it does not have; ARGV[13] "text" or "bytes": in
 * which form they come; ARGV[14] entry of the standing reader that this consumer becomes if there are none and it may, "" = not;
 * ARGV[15] how many are asked for at this moment: of a queue with item options no more are taken
 * Returns { 1, committed, how many, items }; { 3, the same } = of a queue with item options; { 2, committed, how many, key of
 * the block that they are }; { 0, 1 = the standing reader is this consumer, ms until an item is due or nothing } = it is
 * empty; { -1 }, { -2 }, { -3 } as of putItems; { -4, committed } = the rest of the claim was given to others, or Redis has
 * lost that it was taken.
 *
 * Repeated after a lost answer it finds items in the claim that the consumer does not have, and gives these.
 */
export const takeItems: Script<TakeReply> = new Script<TakeReply>({
  name: "takeItems",
  read: readTakeReply,
  lua: `${SHARED}
local prefix, queue, waiter, consumer = ARGV[1], ARGV[2], ARGV[6], ARGV[7]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return { missing } end
local state, limit, largest, blocked, only_holder, sorted = unpack(redis.call("HMGET", KEYS[1], "state", "maxSize",
  "largest", "blocked", "onlyHolder", "sorted"))
if state == "shut" then return { -3 } end
local want, handed, taken = tonumber(ARGV[8]), tonumber(ARGV[10]), tonumber(ARGV[12])
local stood = dismiss_reader(prefix, queue, ARGV[14])
local first, committed = read_counts(KEYS[4], consumer)
local is_new = not first
local got = {}
local code, due = sorted and 3 or 1, nil
local function answer(up_to, items)
  -- Lua is slow at making a long text of long ones.
  if ARGV[13] == "text" and #items[1] <= ${SMALL_ITEM} then return { code, up_to, #items, table.concat(items, "\\30") } end
  return { code, up_to, #items, unpack(items) }
end
local function forget_closed()
  for _, other in ipairs(redis.call("HKEYS", KEYS[4])) do
    local is_closed = not read_counts(KEYS[4], other)
    if is_closed and redis.call("EXISTS", claim_key(prefix, queue, other)) == 0 then redis.call("HDEL", KEYS[4], other) end
  end
end
if is_new then
  local closed_first, closed_committed = read_closed(KEYS[4], consumer)
  if closed_first then
    got = redis.call("LRANGE", KEYS[5], taken - closed_first, -1)
    if #got > 0 then return answer(closed_committed, got) end
    -- What is committed and not handed out yet stays where it is, in case the consumer gives it back.
    if taken > handed then return { -4, closed_committed } end
    forget_consumer(prefix, queue, consumer)
  end
  if taken > tonumber(ARGV[11]) then return { -4, 0 } end
  first, committed = taken, taken
  if redis.call("HLEN", KEYS[4]) > ${KEPT_CONSUMERS} then forget_closed() end
else
  if handed > first then
    first = trim(prefix, queue, consumer, first, handed)
    redis.call("HSET", KEYS[4], consumer, string.format("%d %d", first, committed))
  end
  local size = claim_size(prefix, queue, consumer)
  if first + size > taken then
    flatten(prefix, queue, consumer)
    got = redis.call("LRANGE", KEYS[5], taken - first, -1)
  elseif first + size < taken then
    -- A failover has lost what was taken last: that is in the queue again. What is left of a leased claim the consumer returns.
    if not is_leased(queue) then
      flatten(prefix, queue, consumer)
      give_back(prefix, queue, KEYS[5], math.max(0, size - math.max(0, committed - first)))
      forget_consumer(prefix, queue, consumer)
    end
    return { -4, committed }
  end
end
-- Single items, while they are small.
local function take_singly()
  local size = 0
  while #got < want and size < ${TAKEN_TEXT} do
    local item = redis.call("LPOP", KEYS[2])
    if item and block_of(item) then
      redis.call("LPUSH", KEYS[2], item)
      break
    end
    if not item then break end
    got[#got + 1] = item
    size = size + #item
  end
end
-- A block as a whole, if it is not much more than what is wanted; else it is taken apart.
local function take_block()
  local number, count = block_of(redis.call("LINDEX", KEYS[2], 0) or "")
  if not number then return 0 end
  redis.call("LPOP", KEYS[2])
  redis.call("HINCRBY", KEYS[1], "blocked", 1 - count)
  if ARGV[13] == "text" and want * 4 >= count and not is_leased(queue) and not sorted then
    redis.call("RPUSH", (blocks_key(prefix, queue, consumer)), "\\4" .. number .. " " .. string.format("%d", count))
    return count, block_key(prefix, queue, number)
  end
  local items, longest = take_apart(prefix, queue, number), 0
  for index = #items, 1, -1 do
    redis.call("LPUSH", KEYS[2], items[index])
    longest = math.max(longest, #items[index])
  end
  if longest > ${TAKEN_TEXT / MOST_ITEMS} and longest > tonumber(largest or 0) then
    largest = longest
    redis.call("HSET", KEYS[1], "largest", longest)
  end
  want = math.min(want, count)
  return 0
end
local function take_sorted()
  local ranked = queue_key(prefix, queue, "ranked")
  -- Those with a priority in this range of scores, the highest first.
  local function take_ranked(from, to)
    for _, item in ipairs(redis.call("ZRANGEBYSCORE", ranked, from, to, "LIMIT", 0, want - #got)) do
      redis.call("ZREM", ranked, item)
      got[#got + 1] = item
    end
  end
  want = math.min(tonumber(ARGV[15]), ${MOST_ITEMS})
  due = ripen(prefix, queue)
  take_ranked("-inf", "(0")
  if #got == 0 and want > 0 and blocked and blocked ~= "0" then take_block() end
  take_singly()
  if redis.call("EXISTS", KEYS[2]) == 0 then take_ranked("(0", "+inf") end
  if is_leased(queue) then return end
  for _, item in ipairs(got) do free_key(prefix, queue, item) end
end
local count, block = 0, nil
if #got == 0 then
  local is_blocked = blocked and blocked ~= "0" and not sorted
  if is_blocked then count, block = take_block() end
  if sorted then take_sorted()
  elseif block then
  elseif is_blocked or tonumber(largest or 0) * want > ${TAKEN_TEXT} then take_singly()
  else got = redis.call("LPOP", KEYS[2], want) or {} end
  if #got > 0 then flatten(prefix, queue, consumer) end
  count = math.max(count, #got)
  if count == 0 then
    if state ~= "open" and not due and (not sorted or size_of(prefix, queue) == 0) then return { -3 } end
    local session = string.match(consumer, "^[^#]+")
    if ARGV[14] ~= "" and (waiter ~= "" or stood) and session == only_holder and handed == taken
      and redis.call("EXISTS", KEYS[5], queue_key(prefix, queue, "pollers")) == 0 then
      local one, name = string.match(queue, "^pipe%-stream/(%d)/(.*)$")
      redis.call("HSET", prefix .. "pipe-standing/" .. name, "reader-" .. one, ARGV[14], "given-" .. one, ARGV[12],
        "acknowledged-" .. one, ARGV[12])
      redis.call("HDEL", KEYS[4], consumer)
      if waiter ~= "" then redis.call("LREM", KEYS[3], 1, waiter) end
      note_wait(prefix, queue, ARGV[14])
      return { 0, 1 }
    end
    if waiter ~= "" and not redis.call("LPOS", KEYS[3], waiter) then
      redis.call("RPUSH", KEYS[3], waiter)
      note_wait(prefix, queue, waiter)
    end
    return { 0, 0, due }
  end
  if is_new then redis.call("SADD", prefix .. "session-holdings/" .. string.match(consumer, "^[^#]+"), queue) end
  if #got > 0 then redis.call("RPUSH", KEYS[5], unpack(got)) end
  if tonumber(limit) > 0 then wake_putter(prefix, queue) end
  local left = redis.call("LLEN", KEYS[2])
  if sorted then left = left + ranked_size(prefix, queue) end
  if left > 0 then wake_getters(prefix, queue, left) elseif largest then redis.call("HDEL", KEYS[1], "largest") end
end
if waiter ~= "" then redis.call("LREM", KEYS[3], 1, waiter) end
committed = math.max(committed, math.min(tonumber(ARGV[9]), taken + math.max(count, #got)))
redis.call("HSET", KEYS[4], consumer, string.format("%d %d", first, committed))
if block then return { 2, committed, count, block } end
return answer(committed, got)
`,
});

function readTakeReply([code, committed, count, ...items]: [number, number, number, ...string[]]): TakeReply {
  switch (code) {
    case 1:
    case 3:
      return { is: "taken", committed, count, items, isSorted: code === 3 };
    case 2:
      return { is: "block taken", committed, key: String(items[0]) };
    case 0:
      return { is: "empty", stands: committed === 1, dueIn: count };
    case -4:
      return { is: "given away", committed };
    default:
      return { is: named(REFUSALS)(code) };
  }
}

/** What {@link commitItems} replies. `committed`: the number of the first item that is not. */
export interface CommitReply {
  is: "committed" | "given away";
  committed: number;
}

/**
 * KEYS[1] consumers; KEYS[2] claim of the consumer
 * ARGV[1] consumer; ARGV[2] the number of the first item that it has not handed out; ARGV[3] that of the first item which
 * it will not hand out next; ARGV[4] prefix of keys; ARGV[5] queue
 * Returns { 1, the number of the first item that is not committed }; { 0, that } = the rest was given to others, or Redis
 * has lost that it was taken.
 */
export const commitItems: Script<CommitReply> = new Script<CommitReply>({
  name: "commitItems",
  read: ([code, committed]: [0 | 1, number]) => ({ is: code === 1 ? "committed" : "given away", committed }),
  lua: `${COUNTS}
local handed = tonumber(ARGV[2])
local first, committed = read_counts(KEYS[1], ARGV[1])
if not first then
  local _, closed = read_closed(KEYS[1], ARGV[1])
  return { 0, closed or 0 }
end
if handed > first then
  first = trim(ARGV[4], ARGV[5], ARGV[1], first, handed)
end
local is_there = first + claim_size(ARGV[4], ARGV[5], ARGV[1]) >= tonumber(ARGV[3])
if is_there then committed = math.max(committed, tonumber(ARGV[3])) end
redis.call("HSET", KEYS[1], ARGV[1], string.format("%d %d", first, committed))
return { is_there and 1 or 0, committed }
`,
});

/**
 * KEYS[1] consumers; KEYS[2] claim of the consumer
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] consumer; ARGV[4] the number of the first item that goes back; ARGV[5] "1"
 * = the consumer takes no more
 * Returns how many went back to the front. What was committed and not handed out goes back, too; what was handed out is
 * forgotten, unless it is leased. Also of a consumer whose session has ended meanwhile: what was committed for it is here only.
 */
export const returnItems: Script<number> = new Script<number>({
  name: "returnItems",
  lua: `${SHARED}
local prefix, queue, consumer, from = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
dismiss_reader(prefix, queue)
local first, committed = read_counts(KEYS[1], consumer)
if not first then
  first, committed = read_closed(KEYS[1], consumer)
  if not first then return 0 end
end
local excess = first + claim_size(prefix, queue, consumer) - from
if excess > 0 then flatten(prefix, queue, consumer) end
local returned = give_back(prefix, queue, KEYS[2], excess)
if not is_leased(queue) or (ARGV[5] == "1" and redis.call("EXISTS", KEYS[2]) == 0) then
  forget_consumer(prefix, queue, consumer)
else
  redis.call("HSET", KEYS[1], consumer, string.format("%d %d", first, math.min(committed, from)))
end
return returned
`,
});

/**
 * KEYS[1] main; KEYS[2] items; KEYS[3] pollers
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size, 0 = none; ARGV[6] waiter to store if there is nothing, "" = none
 * Returns { 1 } = a take would not wait, for an item or because it was shut down; { 0, ms until an item is due or nothing } =
 * it would; { -1 }, { -2 } as of putItems.
 */
export const pollQueue: Script<PollReply> = new Script<PollReply>({
  name: "pollQueue",
  read: ([code, dueIn]: [1 | 0 | -1 | -2, number?]) => ({ is: POLLED(code), dueIn }),
  lua: `${SHARED}
local missing = ensure(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return { missing } end
local state, size, due = redis.call("HGET", KEYS[1], "state"), ready_size(ARGV[1], ARGV[2])
if size > 0 or state == "shut" or (state ~= "open" and not due) then return { 1 } end
if ARGV[6] ~= "" then dismiss_reader(ARGV[1], ARGV[2]) end
if ARGV[6] ~= "" and not redis.call("LPOS", KEYS[3], ARGV[6]) then
  redis.call("RPUSH", KEYS[3], ARGV[6])
  note_wait(ARGV[1], ARGV[2], ARGV[6])
end
return { 0, due }
`,
});

/** What {@link pollQueue} replies. `dueIn`: ms until an item that is there can be taken. */
export interface PollReply {
  is: "ready" | "empty" | Absence;
  dueIn: number | undefined;
}

const POLLED = named({ 1: "ready", 0: "empty", ...ABSENCE });

/**
 * KEYS[1] getters or putters; KEYS[2] main
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] waiter
 * Returns 1. A wake-up that the waiter may have got is passed on.
 */
export const abandonQueue: Script<number> = new Script<number>({
  name: "abandonQueue",
  lua: `${SHARED}
local prefix, queue = ARGV[1], ARGV[2]
redis.call("LREM", KEYS[1], 1, ARGV[3])
if redis.call("EXISTS", KEYS[2]) == 0 then return 1 end
local size = ready_size(prefix, queue)
if size > 0 then wake_getters(prefix, queue, size) end
if has_room(prefix, queue) then wake_putter(prefix, queue) end
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] consumers; KEYS[3] joiners
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] consumer; ARGV[4] "1" = it has taken one that is not done
 * Returns how many are unfinished now; -1 = more often than there were items, -2 = the queue is gone, -3 = what the
 * consumer had taken was given to others.
 *
 * It finishes the oldest item that the consumer has taken; of one that has none, the oldest of any other (J4).
 */
export const finishItem: OnceScript<FinishReply> = new OnceScript<FinishReply>({
  name: "finishItem",
  read: (reply: number) => (reply >= 0 ? "done" : UNFINISHED(reply)),
  shared: SHARED,
  lua: `
local prefix, queue = ARGV[1], ARGV[2]
local unfinished = tonumber(redis.call("HGET", KEYS[1], "unfinished"))
if not unfinished then return -2 end
local function finish_of(consumer)
  local item = redis.call("LPOP", claim_key(prefix, queue, consumer))
  if not item then return false end
  free_key(prefix, queue, item)
  local first, committed = read_counts(KEYS[2], consumer)
  redis.call("HSET", KEYS[2], consumer, string.format("%d %d", first + 1, committed))
  return true
end
if ARGV[4] == "1" then
  if not finish_of(ARGV[3]) then return -3 end
else
  if unfinished == 0 then return -1 end
  for _, consumer in ipairs(redis.call("HKEYS", KEYS[2])) do
    if finish_of(consumer) then break end
  end
end
unfinished = redis.call("HINCRBY", KEYS[1], "unfinished", -1)
if unfinished == 0 then
  redis.call("HINCRBY", KEYS[1], "zeros", 1)
  wake_all(prefix, KEYS[3])
  redis.call("DEL", KEYS[3])
end
return unfinished
`,
});

/** What {@link finishItem} replies; "too often" = more often than there were items. */
export type FinishReply = "done" | "too often" | "gone" | "given away";

const UNFINISHED = named({ [-1]: "too often", [-2]: "gone", [-3]: "given away" });

/** What {@link compareClaim} replies. `end`: the number after the last item in the claim. */
export type CompareReply = { is: "compared"; end: number } | { is: "no claim" };

/**
 * Of a leased queue: makes Redis agree with a consumer that lives, after a failover that may have lost what was written last.
 *
 * KEYS[1] main; KEYS[2] consumers; KEYS[3] joiners
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] consumer; ARGV[4] the number of the first item that it has not done;
 * ARGV[5...] its former names, of which it holds nothing
 * Returns { the number after the last item in its claim; how many items it had done that were not counted }; { -1, 0 } = it
 * has no claim.
 *
 * Not while a take or a taskDone of the consumer is under way, so that nothing is counted twice.
 */
export const compareClaim: Script<CompareReply> = new Script<CompareReply>({
  name: "compareClaim",
  read: ([end]: [number, number]) => (end === -1 ? { is: "no claim" } : { is: "compared", end }),
  lua: `${SHARED}
local prefix, queue, consumer = ARGV[1], ARGV[2], ARGV[3]
for index = 5, #ARGV do
  local claim = claim_key(prefix, queue, ARGV[index])
  if read_counts(KEYS[2], ARGV[index]) then
    give_back(prefix, queue, claim, redis.call("LLEN", claim))
    forget_consumer(prefix, queue, ARGV[index])
  end
end
local first, committed = read_counts(KEYS[2], consumer)
if not first then return { -1, 0 } end
local settled = 0
while first < tonumber(ARGV[4]) do
  local item = redis.call("LPOP", claim_key(prefix, queue, consumer))
  if not item then break end
  free_key(prefix, queue, item)
  first = first + 1
  settled = settled + 1
end
if settled > 0 then
  redis.call("HSET", KEYS[2], consumer, string.format("%d %d", first, committed))
  drop(prefix, queue, settled)
end
return { first + redis.call("LLEN", claim_key(prefix, queue, consumer)), settled }
`,
});

/** What {@link joinQueue} replies. `zeros`: how often nothing was unfinished so far. */
export interface JoinReply {
  is: "done" | "unfinished" | "gone";
  zeros: string;
}

const JOINED = named({ 1: "done", 0: "unfinished", [-2]: "gone" });

/**
 * KEYS[1] main; KEYS[2] joiners
 * ARGV[1] waiter to store, "" = none; ARGV[2] zeros at the first look, "" = this is it; ARGV[3] prefix of keys; ARGV[4]
 * queue
 * Returns { 1 = nothing is unfinished, or was for a moment since the first look; 0 = not yet; -2 = there is no such queue, zeros }.
 */
export const joinQueue: Script<JoinReply> = new Script<JoinReply>({
  name: "joinQueue",
  read: ([code, zeros]: [0 | 1 | -2, string]) => ({ is: JOINED(code), zeros }),
  lua: `
local unfinished, zeros = unpack(redis.call("HMGET", KEYS[1], "unfinished", "zeros"))
if not unfinished then return { -2, "0" } end
if unfinished == "0" then return { 1, zeros } end
if ARGV[2] ~= "" and tonumber(zeros) > tonumber(ARGV[2]) then return { 1, zeros } end
if ARGV[1] ~= "" and not redis.call("LPOS", KEYS[2], ARGV[1]) then
  redis.call("RPUSH", KEYS[2], ARGV[1])
  redis.call("SADD", ARGV[3] .. "session-holdings/" .. string.match(ARGV[1], "^[^|]+"), ARGV[4])
end
return { 0, zeros }
`,
});

/**
 * KEYS[1] main; KEYS[2] items
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] session of the maker, ""; ARGV[4] "1" = it must exist; ARGV[5] largest
 * size; ARGV[6] "1" = at once: what is left is dropped
 * Returns 1, or -1, -2 as of putItems. All waiters are woken (Q11, Q12).
 */
export const shutQueue: OnceScript<"there" | Absence> = new OnceScript<"there" | Absence>({
  name: "shutQueue",
  read: named({ 1: "there", ...ABSENCE }),
  shared: SHARED,
  lua: `
local prefix, queue = ARGV[1], ARGV[2]
local missing = ensure(prefix, queue, ARGV[3], ARGV[4], ARGV[5])
if missing ~= 0 then return missing end
redis.call("HSET", KEYS[1], "state", ARGV[6] == "1" and "shut" or "draining")
if ARGV[6] == "1" then
  local dropped = forget_items(prefix, queue)
  drop(prefix, queue, dropped)
  if not is_leased(queue) then drop_claims(prefix, queue) end
end
wake_everybody(prefix, queue)
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] items
 * ARGV[1] prefix of keys; ARGV[2] queue; ARGV[3] "1" = what is claimed counts as handed out
 * Returns { items that no consumer has been handed, those of them that are not due, largest size, unfinished, state };
 * { -1 } = there is no such queue.
 */
export const measureQueue: Script<MeasureReply> = new Script<MeasureReply>({
  name: "measureQueue",
  read: readMeasureReply,
  lua: `${SERVER_TIME}${COUNTS}
if redis.call("EXISTS", KEYS[1]) == 0 then return { -1 } end
local size, delayed = size_of(ARGV[1], ARGV[2]), 0
if ARGV[3] ~= "1" then size = size + count_uncommitted(ARGV[1], ARGV[2]) end
local max_size, unfinished, state, sorted = unpack(redis.call("HMGET", KEYS[1], "maxSize", "unfinished", "state", "sorted"))
if sorted then
  delayed = redis.call("ZCOUNT", queue_key(ARGV[1], ARGV[2], "delayed"), string.format("(%d", server_time()), "+inf")
end
return { size, delayed, max_size, unfinished, state }
`,
});

/** "draining": no more is put; "shut": what was left was dropped. */
type QueueLife = "open" | "draining" | "shut";

/** What {@link measureQueue} replies. `size`: items that no consumer has been handed; `delayed`: those that are not due. */
export type MeasureReply =
  | { is: "there"; size: number; delayed: number; maxSize: number; unfinished: number; state: QueueLife }
  | { is: "not made" };

function readMeasureReply([size, delayed, maxSize, unfinished, state]: MeasuredFacts): MeasureReply {
  if (size === -1) return { is: "not made" };
  return { is: "there", size, delayed, maxSize: Number(maxSize), unfinished: Number(unfinished), state };
}

type MeasuredFacts = [size: number, delayed: number, maxSize: string, unfinished: string, state: QueueLife];
