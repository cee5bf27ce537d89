import { Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME } from "../../../session/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";

/** Answer to a call with a fence that is smaller than one seen before. No operation answers with a number below -90. */
export const STALE = -100;

/** What a script of calls replies: their answers in order; "maker gone" is said of a manager as well. */
export type CallsReply = unknown[] | Absence;

/**
 * A script that runs many calls of one container, in order.
 *
 * KEYS[1] main, hash: madeAt (server time in ms), fence (largest seen), and what the kind keeps; KEYS[2] answers to
 * what the session wrote
 * ARGV[1] prefix of keys; ARGV[2] "<kind>/<name>"; ARGV[3] who owns it: session of the maker of an unnamed one,
 * "manager:<name>", ""; ARGV[4] "1" = it must exist; ARGV[5] operation id, "" = there are only reads; ARGV[6] operation ids
 * whose answers have arrived, "," between them; ARGV[7] how many texts follow that say what it is made with, then these;
 * then for each call: its name, its fence or "", how many arguments follow, these
 * Returns the answers of the calls in their order; -1 = the maker or manager is gone; -2 = it is gone itself.
 *
 * A script that is sent again gives the recorded answers of the writes and reads anew. Reads are not recorded: they may
 * be large.
 *
 * @param definition.operations - Lua: fills the tables `operations` (functions of the place of the first argument in ARGV
 * and their count) and `reads` (names of those that change nothing); sees `main`, `part(word)`, which gives a key, and
 * `each_part(from, to, visit)`, which visits places in portions that `unpack` can take.
 * @param definition.make - Lua: makes it; sees `from` and `count`, where the texts are in ARGV that say what with.
 */
export function callsScript(definition: { name: string; operations: string; make: string }): Script<CallsReply> {
  return new Script<CallsReply>({
    name: definition.name,
    read: (reply: unknown[] | keyof typeof ABSENCE) => (Array.isArray(reply) ? reply : ABSENCE[reply]),
    lua: `
local main, keys_prefix, whole_name, maker = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local kind, name = string.match(whole_name, "^([^/]+)/(.*)$")
local function part(word) return keys_prefix .. kind .. "-" .. word .. "/" .. name end
${EACH_PART}
for id in string.gmatch(ARGV[6], "[^,]+") do redis.call("HDEL", KEYS[2], id) end
local known = ARGV[5] ~= "" and redis.call("HGET", KEYS[2], ARGV[5])
if known then known = cmsgpack.unpack(known) end
if not known and redis.call("EXISTS", main) == 0 then
  if maker ~= "" and redis.call("EXISTS", keys_prefix .. "session/" .. maker) == 0 then return -1 end
  if ARGV[4] == "1" then return -2 end
  ${SERVER_TIME}${REGISTER}
  local now = server_time()
  register(keys_prefix, whole_name, maker, now)
  redis.call("HSET", main, "madeAt", string.format("%d", now))
  local from, count = 8, tonumber(ARGV[7])
  ${definition.make}
end
local operations, reads = {}, {}
${definition.operations}
local function is_stale(fence)
  local largest = redis.call("HGET", main, "fence")
  if largest and tonumber(fence) < tonumber(largest) then return true end
  redis.call("HSET", main, "fence", fence)
  return false
end
local answers, recorded = {}, {}
local at, number = 8 + tonumber(ARGV[7]), 0
while at <= #ARGV do
  local call, fence, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  number = number + 1
  if reads[call] then
    answers[number] = operations[call](at + 3, count)
    recorded[number] = false
  else
    if known then
      answers[number] = known[number]
    elseif fence ~= "" and is_stale(fence) then
      answers[number] = ${STALE}
    else
      answers[number] = operations[call](at + 3, count)
    end
    recorded[number] = answers[number]
  end
  at = at + 3 + count
end
if ARGV[5] ~= "" and not known then
  redis.call("HSET", KEYS[2], ARGV[5], cmsgpack.pack(recorded))
  redis.call("PEXPIRE", KEYS[2], ${ANSWERS_TTL})
end
return answers
`,
  });
}

/** How long answers are kept for the case that a script is sent again, ms. */
const ANSWERS_TTL = 120_000;

/** Most values that `unpack` is given at once. */
const EACH_PART = `
local function each_part(from, to, visit)
  while from <= to do
    local last = math.min(to, from + 3999)
    visit(from, last)
    from = last + 1
  end
end
`;
