import type { ObjectKind } from "../../../session/index.ts";
import { leasedReaper } from "../leased/index.ts";
import { READ_WRITE_LOCK } from "./read-write-lock-lua.ts";

/** Gives back what the dead held, takes them out of the line, and calls the next after who did not come. */
export const READ_WRITE_LOCK_KIND: ObjectKind = {
  kind: "read-write-lock",
  reaper: `(function()
${READ_WRITE_LOCK}
${leasedReaper("read-write-lock")}
return {
  look = function(prefix, name, now)
    local due = reaper.look(prefix, name, now)
    if due then return due end
    local main = line_keys(prefix, name)
    local left = redis.call("PTTL", main)
    if left > 0 then return now + left + 1 end
    if left == -2 then redis.call("ZREM", prefix .. "objects", "read-write-lock/" .. name) end
    return nil
  end,
  leave = function(prefix, name, session, now)
    if not reaper.leave(prefix, name, session, now) then rest(prefix, name, now) end
  end,
  remove = reaper.remove,
}
end)()`,
};
