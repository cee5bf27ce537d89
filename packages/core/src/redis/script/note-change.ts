import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../keys.ts";
import { Script } from "./script.ts";

/** How long what was noted stays, ms: for those that lost their connection meanwhile. */
const KEPT: number = 3_600_000;
/** About so many notes are kept. */
const NOTES = 1_000;

/**
 * Lua: `note_change(key, topic)`: notes for those who watch the namespace that something changed of which BullMQ's events do
 * not tell, such as `pools/<name>`, `hosts/<id>`, `processes` or `schedules`. `key` is any key of the namespace. It never fails.
 */
export const NOTE_CHANGE: string = `
local function note_change(key, topic)
  local changes = string.match(key, "^{[^}]*}") .. "/changes"
  redis.pcall("XADD", changes, "MAXLEN", "~", ${NOTES}, "*", "topic", topic)
  redis.pcall("PEXPIRE", changes, ${KEPT})
end
`;

/**
 * Notes for those who watch the namespace what has changed, where no script does it with the change itself.
 * @param topics - Such as `audit`.
 */
export async function noteChanges(
  { client, keys }: { client: RedisClient; keys: Keys },
  topics: readonly string[],
): Promise<void> {
  await noteTopics.run(client, [keys.changes], [...topics]);
}

/**
 * KEYS[1] stream of what was noted
 * ARGV topics
 * Returns 1.
 */
const noteTopics = new Script<number>({
  name: "noteChanges",
  lua: `${NOTE_CHANGE}
for _, topic in ipairs(ARGV) do note_change(KEYS[1], topic) end
return 1
`,
});
