import { named, Script } from "../../../redis/script/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { NEW_FENCE } from "../new-fence.ts";

/** How long the last fence of a lock outlives its last use on a node, ms. */
const FENCE_TTL = 3_600_000;

/** What {@link voteForLock} replies. `dueIn`: ms until the lease in the way ends. */
export type VoteReply =
  | { is: "voted"; fence: number }
  | { is: "taken"; dueIn: Milliseconds }
  /** It is not held with the token to take it over from. */
  | { is: "not handed over" };

/**
 * What one of several independent masters keeps of a lock: nothing but its vote and the largest fence it knows of.
 *
 * KEYS[1] vote, string with PX: token of the holder that this node voted for; KEYS[2] fence, string with PX
 * ARGV[1] token; ARGV[2] lease, ms; ARGV[3] token that the lock is taken over from, "" = it has to be free
 * Returns { 1, fence } voted for; { 0, ms } against; { -1 } it is not held with the token to take over from.
 */
export const voteForLock: Script<VoteReply> = new Script<VoteReply>({
  name: "voteForLock",
  read: readVoteReply,
  lua: `${NEW_FENCE}
local holder = redis.call("GET", KEYS[1])
if ARGV[3] ~= "" then
  if holder ~= ARGV[3] then return { -1 } end
elseif holder then
  return { 0, redis.call("PTTL", KEYS[1]) }
end
local fence = new_fence(redis.call("GET", KEYS[2]))
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
redis.call("SET", KEYS[2], fence, "PX", ${FENCE_TTL} + ARGV[2])
return { 1, fence }
`,
});

function readVoteReply([code, detail]: [1 | 0 | -1, string | number]): VoteReply {
  switch (code) {
    case 1:
      return { is: "voted", fence: Number(detail) };
    case 0:
      return { is: "taken", dueIn: Number(detail) };
    case -1:
      return { is: "not handed over" };
  }
}

/**
 * KEYS[1..2] as of voteForLock
 * ARGV[1] token; ARGV[2] lease, ms; ARGV[3] fence of the holder; ARGV[4] 1 = vote also if it is free
 * Returns 1 = extended, 0 = it has another holder, -1 = free: this node has lost its data, or the lease ended.
 */
export const extendVote: Script<"extended" | "taken" | "free"> = new Script<"extended" | "taken" | "free">({
  name: "extendVote",
  read: named({ 1: "extended", 0: "taken", [-1]: "free" }),
  lua: `
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder and ARGV[4] ~= "1" then return -1 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
local fence = redis.call("GET", KEYS[2])
if not fence or tonumber(fence) < tonumber(ARGV[3]) then fence = ARGV[3] end
redis.call("SET", KEYS[2], fence, "PX", ${FENCE_TTL} + ARGV[2])
return 1
`,
});

/**
 * KEYS[1] vote
 * ARGV[1] token
 * Returns 1 = withdrawn, 0 = was not held with this token.
 */
export const withdrawVote: Script<"withdrawn" | "not held"> = new Script<"withdrawn" | "not held">({
  name: "withdrawVote",
  read: named({ 1: "withdrawn", 0: "not held" }),
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`,
});
