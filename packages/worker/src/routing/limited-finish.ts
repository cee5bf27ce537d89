import { bullFunction, NOTE_ENDING, Script } from "@manyhands/core/internal";
import { type LimitedLook, TAKE_IN_TURN } from "../limits/limit-scripts.ts";
import { AFTER_FINISH } from "./routing-scripts.ts";

/**
 * Finishes a job of a limited pool like `finishAndTakeKnown`, gives its place back and, if it may, takes the next one whose turn it is.
 *
 * KEYS[1..18], ARGV[1..19] those of finishAndTakeKnown, but ARGV[13] JSON: priorities of tasks; ARGV[20] JSON: limits; ARGV[21]
 * what they are stored under; ARGV[22] what is new in them, as ARGV[12] of takeInTurn; ARGV[23..] as ARGV[20..] of
 * finishAndTakeKnown
 * When the place may be used and nothing was taken, a host is woken. What cannot be taken is left to a look, which says why.
 * Returns {what moveToFinished returns, 1 = the next job must be looked for, what the take has come to or nothing}.
 */
export const finishAndTakeInTurn: Script<[reply: unknown, isLeft: 0 | 1, look: LimitedLook | null]> = new Script<
  [unknown, 0 | 1, LimitedLook | null]
>({
  name: "finishAndTakeInTurn",
  lua: () => `
${bullFunction("moveToFinished")}
local arguments = {unpack(ARGV, 1, 9)}
arguments[6] = "0"
local is_failed = ARGV[5] == "failed"
local own_id, own_pool, own_task = ARGV[1], ARGV[15], ARGV[16]
${NOTE_ENDING}
if is_failed then
  arguments[9] = with_ending(KEYS[12], ARGV[9] == "" and {} or cmsgpack.unpack(ARGV[9]), ARGV[14])
end
local reply = moveToFinished(KEYS, arguments)
if type(reply) == "number" and reply < 0 then return {reply, 0, false} end
${AFTER_FINISH(23)}
local queue, prefix, host, pool, can_run = ARGV[7], ARGV[10], ARGV[11], own_pool, ARGV[12] == "1"
local bull_keys = {KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[14]}
local bull_args = {ARGV[7], ARGV[2], ARGV[8]}
local told = {rules = ARGV[20], priorities = ARGV[13], of = ARGV[21], news = ARGV[22]}
${TAKE_IN_TURN()}
local is_released = release(own_id)
local is_done, look
if ARGV[6] == "1" then
  is_done, look = pcall(take_in_turn)
  local taken = is_done and look[1]
  if taken and taken[1] ~= 0 then return {taken, 0, look} end
  if taken and (taken[3] ~= 0 or taken[4] ~= 0) then reply = taken end
end
if is_released and redis.call("EXISTS", turns) == 1 and redis.call("HEXISTS", KEYS[9], "paused") == 0 then
  redis.call("ZADD", KEYS[14], 0, "0")
end
-- More may be found by the next look.
local is_left = ARGV[6] == "1" and (not is_done or look[2] == 1 or look[3] == 1)
return {reply, is_left and 1 or 0, is_done and look or false}
`,
});
