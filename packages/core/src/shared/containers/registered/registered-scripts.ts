import { named, OnceScript, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME } from "../../../session/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";

/** What {@link enterRegistered} replies; "overtaken" = a process with a later lock has entered. */
export type EnterReply =
  | { is: "entered"; state: string; args: string }
  | { is: "not made" }
  | { is: "overtaken" }
  | { is: Absence };

/**
 * KEYS[1] main, hash: typeid, state, args (what it was made with), fence (of its lock, the largest that has entered),
 * madeAt (server time in ms)
 * ARGV[1] prefix of keys; ARGV[2] "registered/<name>"; ARGV[3] who owns it; ARGV[4] "1" = it must exist; ARGV[5] fence of
 * the lock under which the caller enters; ARGV[6] typeid; ARGV[7] state to make it with, "" = do not make it; ARGV[8]
 * arguments to keep then
 * Returns { 1, state, arguments }; { 0 } it is not there; { -1 } its owner is gone; { -2 } it should exist and does not;
 * { -3 } a process with a later lock has entered.
 *
 * From now on a process that entered before with an earlier lock writes nothing any more.
 */
export const enterRegistered: Script<EnterReply> = new Script<EnterReply>({
  name: "enterRegistered",
  read: readEnterReply,
  lua: `${SERVER_TIME}${REGISTER}
local known = redis.call("HMGET", KEYS[1], "state", "args", "fence")
if not known[1] then
  if ARGV[3] ~= "" and redis.call("EXISTS", ARGV[1] .. "session/" .. ARGV[3]) == 0 then return { -1 } end
  if ARGV[4] == "1" then return { -2 } end
  if ARGV[7] == "" then return { 0 } end
  local now = server_time()
  register(ARGV[1], ARGV[2], ARGV[3], now)
  redis.call("HSET", KEYS[1], "typeid", ARGV[6], "state", ARGV[7], "args", ARGV[8], "madeAt", string.format("%d", now))
  known = { ARGV[7], ARGV[8], false }
end
if known[3] and tonumber(known[3]) > tonumber(ARGV[5]) then return { -3 } end
redis.call("HSET", KEYS[1], "fence", ARGV[5])
return { 1, known[1], known[2] }
`,
});

function readEnterReply([code, state, args]: [1 | 0 | -1 | -2 | -3, string, string]): EnterReply {
  if (code === 1) return { is: "entered", state, args };
  return { is: REFUSALS[code] };
}

const REFUSALS = { 0: "not made", [-3]: "overtaken", ...ABSENCE } as const;

/**
 * KEYS[1] main
 * ARGV[1] fence of the lock under which the caller entered; ARGV[2] new state
 * Returns 1 = written, 0 = a process with a later lock has entered since, -2 = it is gone.
 */
export const leaveRegistered: OnceScript<"written" | "overtaken" | "gone"> = new OnceScript<
  "written" | "overtaken" | "gone"
>({
  name: "leaveRegistered",
  read: named({ 1: "written", 0: "overtaken", [-2]: "gone" }),
  lua: `
local fence = redis.call("HGET", KEYS[1], "fence")
if not fence then return -2 end
if fence ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[1], "state", ARGV[2])
return 1
`,
});
