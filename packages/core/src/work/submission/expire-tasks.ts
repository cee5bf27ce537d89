import { ExpiredError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { readExpiryMember } from "../results/expiries.ts";
import { withdrawTask } from "./cancel-task.ts";

/** Jobs that are ended at the same time. */
const BATCH = 100;

/** The error of a task that was not started within its time, ms. */
export function expiredError(task: string, jobId: string, expires: Milliseconds): ExpiredError {
  return new ExpiredError(
    `task "${task}" (${jobId}) expired: it was not started within ${expires} ms, and was dropped`,
  );
}

/**
 * Ends a task that has not been started within its `expires`; what waits for it gets an ExpiredError.
 * @returns whether it is ended, or when it may be: "early" = its time is not over; "over" = it was started, or is gone
 */
export async function expireTask(
  context: { client: RedisClient; keys: Keys },
  { pool, jobId }: { pool: string; jobId: string },
): Promise<"expired" | "early" | "over"> {
  const place = { pool, jobId, unit: null };
  const withdrawal = await withdrawTask(context, place, {
    ending: "expired",
    error: ({ name, envelope }) => expiredError(name, jobId, envelope.expires ?? 0),
    reason: "expired",
    waitingOnly: true,
    expiredOnly: true,
  });
  if (withdrawal === "withdrawn") return "expired";
  return withdrawal === "early" ? "early" : "over";
}

/**
 * Ends all tasks of the namespace that have expired. Hosts do so regularly, and programs when a task that they wait for expires.
 * @returns time until the next one expires, ms; null = none does
 */
export async function expireDueTasks(context: { client: RedisClient; keys: Keys }): Promise<Milliseconds | null> {
  const { client, keys } = context;
  while (true) {
    const [wait, ...entries] = await dueExpiries.run(client, [keys.expiries], [BATCH]);
    const due: [member: string, score: string][] = [];
    for (let index = 0; index < entries.length; index += 2) due.push([entries[index] ?? "", entries[index + 1] ?? ""]);
    const ended = await Promise.all(
      due.map(async ([member, score]) => {
        const place = readExpiryMember(member);
        const outcome = place === null ? "over" : await expireTask(context, place);
        // The id may be that of a later job, which expires later.
        if (outcome === "early") return false;
        await forgetExpiry.run(client, [keys.expiries], [member, score]);
        return true;
      }),
    );
    if (due.length < BATCH || !ended.includes(true)) return wait === "" ? null : Number(wait);
  }
}

/**
 * KEYS[1] sorted set of expiries
 * ARGV[1] how many entries to give
 * Returns {time until the first entry after these is due, ms, or "" = there is none; entries that are due, each with its
 * score}.
 */
const dueExpiries = new Script<[wait: string, ...entries: string[]]>({
  name: "dueExpiries",
  lua: `${SERVER_TIME}
local entries = redis.call("ZRANGE", KEYS[1], 0, ARGV[1], "WITHSCORES")
local now = server_time()
local reply = {""}
for index = 1, #entries, 2 do
  local at = tonumber(entries[index + 1])
  if at > now or index > 2 * tonumber(ARGV[1]) then
    reply[1] = string.format("%.0f", math.max(0, math.ceil(at - now)))
    break
  end
  reply[#reply + 1] = entries[index]
  reply[#reply + 1] = entries[index + 1]
end
return reply
`,
});

/**
 * KEYS[1] sorted set of expiries
 * ARGV[1] entry; ARGV[2] its score: one of a later job stays
 * Returns 1 when the entry is removed, else 0.
 */
const forgetExpiry = new Script<number>({
  name: "forgetExpiry",
  lua: `
if redis.call("ZSCORE", KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call("ZREM", KEYS[1], ARGV[1])
`,
});
