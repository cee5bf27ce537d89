import type { RedisClient } from "../../redis/connection/index.ts";
import { Script } from "../../redis/script/index.ts";
import { encode } from "../../wire/codec/index.ts";
import type { ReplyItem } from "../../wire/records/job.ts";

/** How long answers wait for a client that does not read them, ms. */
const REPLIES_TTL = 3_600_000;

/** Writes answers to a reply stream, `Keys.replies(client)`. One entry for any number of them. */
export async function postAnswers(client: RedisClient, stream: string, items: ReplyItem[]): Promise<void> {
  await appendAnswers.run(client, [stream], [Buffer.from(encode(items)), REPLIES_TTL]);
}

/**
 * KEYS[1] reply stream of the client
 * ARGV[1] encoded list of ReplyItem; ARGV[2] time to live of the stream, ms
 * Returns the id of the entry.
 */
const appendAnswers = new Script<string>({
  name: "appendAnswers",
  lua: `
local id = redis.call("XADD", KEYS[1], "*", "answers", ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return id
`,
});
