import { NOTE_CHANGE, Script, SERVER_TIME, SET_ASIDE } from "../../redis/script/index.ts";
import { ENTRIES_KEPT, MOST_ENTRIES } from "./audit-entry.ts";

/**
 * KEYS[1] stream: the audit log
 * ARGV[1] id of the entry that the new one takes the place of; "" = none
 * ARGV[2] when it began, server time in ms; "" = now
 * ARGV fields and values of the entry from here on
 * Notes an entry; leaves about 10 000 and removes those of more than 90 days.
 * Returns id of the entry, when it began, ms.
 */
export const noteAudit: Script<[id: string, at: string]> = new Script<[id: string, at: string]>({
  name: "noteAudit",
  lua: `${SET_ASIDE}
set_aside(KEYS[1], "stream")
${SERVER_TIME}${NOTE_CHANGE}
local now = server_time()
local at = ARGV[2] ~= "" and ARGV[2] or string.format("%.0f", now)
local id = redis.call("XADD", KEYS[1], "MAXLEN", "~", ${MOST_ENTRIES}, "*", "at", at, unpack(ARGV, 3))
if ARGV[1] ~= "" then redis.call("XDEL", KEYS[1], ARGV[1]) end
redis.call("XTRIM", KEYS[1], "MINID", "~", string.format("%.0f", now - ${ENTRIES_KEPT}))
redis.call("PEXPIRE", KEYS[1], ${ENTRIES_KEPT})
note_change(KEYS[1], "audit")
return {id, at}
`,
});
