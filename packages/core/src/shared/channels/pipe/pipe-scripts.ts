import { named, OnceScript, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { COUNTS, QUEUE_KEYS } from "../queue/index.ts";

/** Of so many senders it is known which of their messages are stored; beyond, those that have ended are forgotten. */
const KEPT_SENDERS = 500;

/**
 * Keys of a pipe: main, hash: duplex (0 or 1), closed-0, closed-1 (1 = that end is closed for good); holders, hash:
 * "<end>|<session>" -> server time in ms since when; transit, sorted set: "<end>|<token>" of an end on its way ->
 * server time in ms until which it counts as open; standing, hash (see QUEUE_KEYS). What waits to be read by an end is the queue `pipe-stream/<end>/<name>`.
 *
 * An end is open while a session holds it or it is on its way; a pipe is gone when both of its ends are closed.
 */
const PIPE_KEYS = `
local function stream_of(reading_end, name) return "pipe-stream/" .. reading_end .. "/" .. name end
local function set_stream(prefix, name, reading_end, state)
  local queue = stream_of(reading_end, name)
  local before = redis.call("HGET", prefix .. queue, "state")
  if not before or before == "shut" or before == state then return end
  redis.call("HSET", prefix .. queue, "state", state)
  wake_everybody(prefix, queue)
  if state == "shut" then
    redis.call("UNLINK", queue_key(prefix, queue, "items"))
    drop_claims(prefix, queue)
  end
end
local function remove_pipe(prefix, name)
  local pipe = "pipe/" .. name
  local holders = prefix .. "pipe-holders/" .. name
  for _, holder in ipairs(redis.call("HKEYS", holders)) do
    local holdings = prefix .. "session-holdings/" .. string.sub(holder, 3)
    redis.call("SREM", holdings, pipe, stream_of(string.sub(holder, 1, 1), name))
  end
  for _, reading_end in ipairs({ "0", "1" }) do remove_queue(prefix, stream_of(reading_end, name)) end
  redis.call("DEL", prefix .. pipe, holders, prefix .. "pipe-transit/" .. name, prefix .. "pipe-standing/" .. name)
  redis.call("ZREM", prefix .. "objects", pipe)
  redis.call("ZREM", prefix .. "deadlines", pipe)
end
-- Notes the only holder of an end that is not on its way to another: what is sent to it may go to its reader at once.
local function note_only_holder(prefix, name, reading_end, session, handed)
  local queue = stream_of(reading_end, name)
  local main = prefix .. queue
  if redis.call("HGET", main, "onlyHolder") == (session or false) or redis.call("EXISTS", main) == 0 then return end
  dismiss_reader(prefix, queue, "", handed)
  if session then redis.call("HSET", main, "onlyHolder", session) else redis.call("HDEL", main, "onlyHolder") end
end
-- Closes the ends without a holder: what its peer has sent is read to the end, what was sent to it is dropped.
local function settle(prefix, name, now)
  local main = prefix .. "pipe/" .. name
  if redis.call("EXISTS", main) == 0 then return end
  local open, only_holder = {}, {}
  for _, holder in ipairs(redis.call("HKEYS", prefix .. "pipe-holders/" .. name)) do
    local one = string.sub(holder, 1, 1)
    only_holder[one] = not open[one] and string.sub(holder, 3) or nil
    open[one] = true
  end
  local transit = redis.call("ZRANGE", prefix .. "pipe-transit/" .. name, 0, -1, "WITHSCORES")
  for index = 1, #transit, 2 do
    local one = string.sub(transit[index], 1, 1)
    only_holder[one] = nil
    if tonumber(transit[index + 1]) >= now then open[one] = true end
  end
  if not open["0"] and not open["1"] then return remove_pipe(prefix, name) end
  for one, other in pairs({ ["0"] = "1", ["1"] = "0" }) do
    if not open[one] then
      redis.call("HSET", main, "closed-" .. one, 1)
      set_stream(prefix, name, one, "shut")
      set_stream(prefix, name, other, "draining")
    end
  end
  for _, one in ipairs({ "0", "1" }) do note_only_holder(prefix, name, one, only_holder[one]) end
  local standing = prefix .. "pipe-standing/" .. name
  if redis.call("HLEN", standing) <= ${KEPT_SENDERS} then return end
  for _, field in ipairs(redis.call("HKEYS", standing)) do
    local session = string.match(field, "^sent%-([^:]+)")
    if session and redis.call("EXISTS", prefix .. "session/" .. session) == 0 then redis.call("HDEL", standing, field) end
  end
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + QUEUE_KEYS + PIPE_KEYS;

export const PIPE_REAPER: string = `(function()
${QUEUE_KEYS}${PIPE_KEYS}
return {
  look = function(prefix, name, now)
    local transit = prefix .. "pipe-transit/" .. name
    redis.call("ZREMRANGEBYSCORE", transit, "-inf", "(" .. string.format("%d", now))
    settle(prefix, name, now)
    local next_one = redis.call("ZRANGE", transit, 0, 0, "WITHSCORES")
    return next_one[2] and tonumber(next_one[2]) + 1 or nil
  end,
  leave = function(prefix, name, session, now)
    redis.call("HDEL", prefix .. "pipe-holders/" .. name, "0|" .. session, "1|" .. session)
    settle(prefix, name, now)
  end,
  remove = remove_pipe,
}
end)()`;

/** What {@link holdEnds} replies; "gone" = the pipe is; "closed" = one of the ends was, before it came here. */
export type HoldReply = "held" | "session ended" | "gone" | "closed";

/**
 * KEYS[1] main; KEYS[2] holders; KEYS[3] transit
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] session; ARGV[4] session of the maker; ARGV[5] "1" = the pipe must exist;
 * ARGV[6] "1" = both directions, "0" = from end 1 to end 0; ARGV[7] token with which an end came here, ""; ARGV[8...] ends
 * Returns 1 = the session holds the ends now; -1 = the session has ended; -2 = the pipe is gone; -4 = an end was closed before.
 */
export const holdEnds: Script<HoldReply> = new Script<HoldReply>({
  name: "holdEnds",
  read: named({ 1: "held", [-1]: "session ended", [-2]: "gone", [-4]: "closed" }),
  lua: `${SHARED}
local prefix, name, session = ARGV[1], ARGV[2], ARGV[3]
local now = server_time()
if redis.call("EXISTS", prefix .. "session/" .. session) == 0 then return -1 end
if redis.call("EXISTS", KEYS[1]) == 0 then
  if ARGV[5] == "1" or ARGV[4] ~= session then return -2 end
  register(prefix, "pipe/" .. name, "", now)
  redis.call("HSET", KEYS[1], "duplex", ARGV[6])
  for reading_end = 0, tonumber(ARGV[6]) do
    redis.call("HSET", prefix .. "pipe-stream/" .. reading_end .. "/" .. name,
      "state", "open", "maxSize", 0, "unfinished", 0, "zeros", 0)
  end
end
for index = 8, #ARGV do
  if redis.call("HEXISTS", KEYS[1], "closed-" .. ARGV[index]) == 1 then return -4 end
end
for index = 8, #ARGV do redis.call("HSETNX", KEYS[2], ARGV[index] .. "|" .. session, string.format("%d", now)) end
redis.call("SADD", prefix .. "session-holdings/" .. session, "pipe/" .. name)
if ARGV[7] ~= "" then redis.call("ZREM", KEYS[3], ARGV[8] .. "|" .. ARGV[7]) end
settle(prefix, name, now)
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] holders
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] session; ARGV[4] end
 * Returns 1.
 */
export const leaveEnd: Script<number> = new Script<number>({
  name: "leaveEnd",
  lua: `${SHARED}
local prefix, name, session = ARGV[1], ARGV[2], ARGV[3]
local other = ARGV[4] == "0" and "1" or "0"
redis.call("HDEL", KEYS[2], ARGV[4] .. "|" .. session)
if redis.call("HEXISTS", KEYS[2], other .. "|" .. session) == 0 then
  redis.call("SREM", prefix .. "session-holdings/" .. session, "pipe/" .. name)
end
settle(prefix, name, server_time())
-- It has waited for and taken messages of this end; what it is about to give back keeps the note until the session ends.
local stream = stream_of(ARGV[4], name)
for _, consumer in ipairs(redis.call("HKEYS", queue_key(prefix, stream, "consumers"))) do
  if string.match(consumer, "^[^#]+") == session then return 1 end
end
redis.call("SREM", prefix .. "session-holdings/" .. session, stream)
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] transit; KEYS[3] deadlines
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] end; ARGV[4] token; ARGV[5] how long the end counts as open on its way, ms;
 * ARGV[6] the number of the first message that the sender's standing reader has not handed out, "" = it has none
 * Returns 1, or 0 when the end is closed already.
 */
export const sendEnd: OnceScript<"sent" | "closed"> = new OnceScript<"sent" | "closed">({
  name: "sendEnd",
  read: named({ 1: "sent", 0: "closed" }),
  shared: SHARED,
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 or redis.call("HEXISTS", KEYS[1], "closed-" .. ARGV[3]) == 1 then return 0 end
local until_then = string.format("%d", server_time() + tonumber(ARGV[5]))
redis.call("ZADD", KEYS[2], until_then, ARGV[3] .. "|" .. ARGV[4])
redis.call("ZADD", KEYS[3], "LT", until_then, "pipe/" .. ARGV[2])
note_only_holder(ARGV[1], ARGV[2], ARGV[3], nil, tonumber(ARGV[6]))
return 1
`,
});

/**
 * KEYS[1] main; KEYS[2] holders; KEYS[3] transit
 * ARGV[1] prefix of keys; ARGV[2] name
 * Returns { duplex, per end: closed ("1" or ""), messages to read, ends on their way, holders ("<end>|<session>", ...) } or {}.
 */
export const readEnds: Script<[] | [string, string, string, number, number, string[], string[]]> = new Script({
  name: "readEnds",
  lua: `${COUNTS}
local duplex, first, second = unpack(redis.call("HMGET", KEYS[1], "duplex", "closed-0", "closed-1"))
if not duplex then return {} end
local sizes = {}
for index, reading_end in ipairs({ "0", "1" }) do
  local queue = "pipe-stream/" .. reading_end .. "/" .. ARGV[2]
  local given, acknowledged = unpack(redis.call("HMGET", ARGV[1] .. "pipe-standing/" .. ARGV[2], "given-" .. reading_end,
    "acknowledged-" .. reading_end))
  local unread = given and given - acknowledged or 0
  sizes[index] = redis.call("LLEN", queue_key(ARGV[1], queue, "items")) + count_uncommitted(ARGV[1], queue) + unread
end
return { duplex, first or "", second or "", sizes[1], sizes[2], redis.call("ZRANGE", KEYS[3], 0, -1), redis.call("HKEYS", KEYS[2]) }
`,
});
