import { JOB_LIMITED_FIELD, JOB_UNSERVED_FIELD } from "../../wire/records/job.ts";

/**
 * Lua: `held_back(id, unserved, limited, keys)`: what holds a job of the delayed ones back, of its fields: what no live host knew when
 * it was parked, or ""; the place in which a limit holds it back, or ""; and how many of that place are before it, or nil. The
 * fields may be left over from an earlier wait. `keys`: {what the keys of parked jobs of its pool begin with, those of jobs that
 * limits hold back}.
 */
export const HELD_BACK: string = `
local function held_back(id, unserved, limited, keys)
  local parked_for = string.match(unserved or "", "^%d+ %S* (%S+)$") or ""
  if parked_for ~= "" and not redis.call("ZSCORE", keys[1] .. parked_for, id) then parked_for = "" end
  local limited_by = string.match(limited or "", "^%d+ (.*)$") or ""
  local rank = limited_by ~= "" and redis.call("ZRANK", keys[2] .. limited_by, id)
  if not rank then return parked_for, "", nil end
  return parked_for, limited_by, rank
end
`;

/** Fields of a job that `held_back` reads, in Lua. */
export const HELD_BACK_FIELDS: string = `"${JOB_UNSERVED_FIELD}", "${JOB_LIMITED_FIELD}"`;
