import { READ_MICROS, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME } from "../../../session/index.ts";

/** What {@link openCounted} replies. */
export type OpenReply = { is: "there"; madeAt: string; initial: number; variant: string } | { is: "maker gone" };

/**
 * KEYS[1] the object's main key, hash: value, initial, variant, madeAt (server time in microseconds)
 * ARGV[1] prefix of keys; ARGV[2] "<kind>/<name>"; ARGV[3] session of the maker of an unnamed object, "" = it is named;
 * ARGV[4] initial value; ARGV[5] variant
 * Returns { 1, madeAt, initial, variant } of the object, which is made if it is not there; { 0 } its maker has ended.
 */
export const openCounted: Script<OpenReply> = new Script<OpenReply>({
  name: "openCounted",
  read: readOpenReply,
  lua: `${SERVER_TIME}${REGISTER}
local made = redis.call("HMGET", KEYS[1], "madeAt", "initial", "variant")
if made[1] then return { 1, made[1], made[2], made[3] } end
if not register(ARGV[1], ARGV[2], ARGV[3], server_time()) then return { 0 } end
${READ_MICROS}
local made_at = string.format("%.0f", micros)
redis.call("HSET", KEYS[1], "value", ARGV[4], "initial", ARGV[4], "variant", ARGV[5], "madeAt", made_at)
return { 1, made_at, ARGV[4], ARGV[5] }
`,
});

function readOpenReply(reply: [1, string, string, string] | [0]): OpenReply {
  if (reply[0] === 0) return { is: "maker gone" };
  return { is: "there", madeAt: reply[1], initial: Number(reply[2]), variant: reply[3] };
}
