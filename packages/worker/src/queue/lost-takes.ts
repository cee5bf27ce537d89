import { type Keys, type RedisClient, Script } from "@manyhands/core/internal";

export interface LostTakesOptions {
  queue: string;
  client: RedisClient;
  keys: Keys;
}

/** Jobs that one script looks at. */
const PAGE = 1_000;

/**
 * Ids of the active jobs whose locks have a token that begins so. All that was taken by commands that this client sent before
 * is among them; the answers to these commands have come before this one, or never come.
 */
export async function activeWithToken(
  { queue, client, keys }: LostTakesOptions,
  tokenStart: string,
): Promise<string[]> {
  const found: string[] = [];
  for (let from = 0; ; from += PAGE) {
    const [count, ids] = await findActive.run(
      client,
      [keys.queue(queue, "active")],
      [keys.jobs(queue), tokenStart, from, from + PAGE - 1],
    );
    found.push(...ids);
    if (count < PAGE) return found;
  }
}

/**
 * KEYS[1] list of active jobs
 * ARGV[1] what the keys of jobs begin with; ARGV[2] what the tokens begin with; ARGV[3] first and ARGV[4] last place to look
 * at, from 0
 * Changes nothing. Returns how many jobs stand there, and the ids of those whose lock has such a token.
 */
const findActive = new Script<[count: number, ids: string[]]>({
  name: "findActiveWithToken",
  lua: `
local ids = redis.call("LRANGE", KEYS[1], ARGV[3], ARGV[4])
local found = {}
for _, id in ipairs(ids) do
  local token = redis.pcall("GET", ARGV[1] .. id .. ":lock")
  if type(token) == "string" and token:sub(1, #ARGV[2]) == ARGV[2] then found[#found + 1] = id end
end
return { #ids, found }
`,
});
