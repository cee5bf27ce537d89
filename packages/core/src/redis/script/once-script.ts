import type { RedisClient } from "../connection/index.ts";
import { Script } from "./script.ts";

/** How long the answer of an operation is kept for the case that it is sent again, ms. */
const ANSWER_TTL = 120_000;

/**
 * Numbers the operations of a session, so that one that is sent again after a broken connection acts once (F18).
 *
 * Redis keeps each answer until a later operation says that it has arrived.
 */
export class Operations {
  /** Hash with the answers. */
  readonly answers: string;
  readonly #prefix: string;
  #count = 0;
  #arrived: string[] = [];

  /** @param prefix - Tells these operations from those of others whose answers are in the same hash. */
  constructor(answers: string, prefix: string = "") {
    this.answers = answers;
    this.#prefix = prefix;
  }

  /** @returns id of a new operation, and the ids whose answers have arrived since the last one */
  next(): { id: string; arrived: string } {
    this.#count += 1;
    const arrived = this.#arrived.join(",");
    this.#arrived = [];
    return { id: this.#prefix + this.#count.toString(36), arrived };
  }

  arrived(id: string): void {
    this.#arrived.push(id);
  }
}

/**
 * A script that acts once, however often the connection makes the client send it: the first answer is given again.
 *
 * Its text is the body of a function that sees KEYS and ARGV as they were given and returns a value other than nil.
 */
export class OnceScript<Reply = unknown> {
  readonly #script: Script<Reply>;

  /**
   * @param definition.shared - Lua functions that come first.
   * @param definition.quick - Lua that may set `reply` for the usual case without them: many functions take Redis longer
   *   than a few commands.
   * @param definition.read - Gives what the script replies a name.
   */
  constructor(definition: {
    name: string;
    shared?: string;
    quick?: string;
    lua: string;
    read?: (reply: never) => Reply;
  }) {
    const { name, shared = "", quick = "", lua, read } = definition;
    const act = `if not reply then reply = (function()\n${shared}\n${lua}\nend)() end`;
    this.#script = new Script({
      name,
      lua: `${RECALL}\nlocal reply\n${quick}\n${act}\n${REMEMBER}`,
      ...(read && { read }),
    });
  }

  run(
    context: { client: RedisClient; operations: Operations },
    keys: string[],
    args: (string | number | Buffer)[],
  ): Promise<Reply> {
    return this.start(context, keys, args).reply;
  }

  /** As {@link run}; `id` is the operation's, with which another script finds what became of it (`KNOWN_ANSWER`). */
  start(
    context: { client: RedisClient; operations: Operations },
    keys: string[],
    args: (string | number | Buffer)[],
  ): { id: string; reply: Promise<Reply> } {
    const { client, operations } = context;
    const { id, arrived } = operations.next();
    const reply = this.#script.run(client, [...keys, operations.answers], [...args, id, arrived]).then((answer) => {
      operations.arrived(id);
      return answer;
    });
    return { id, reply };
  }
}

/**
 * Lua: `known_answer(answers, operation)`: what that operation of the session answered, nil when it has not run;
 * `forestall(answers, operation, answer)`: that is what it answers if it runs later, and does nothing.
 */
export const KNOWN_ANSWER = `
local function known_answer(answers, operation)
  local known = redis.call("HGET", answers, operation)
  return known and cmsgpack.unpack(known)[1] or nil
end
local function forestall(answers, operation, answer)
  redis.call("HSET", answers, operation, cmsgpack.pack({ answer }))
end
`;

/** KEYS[last] answers of the session; ARGV[last - 1] operation id; ARGV[last] ids that have arrived, "," between them */
const RECALL = `
local own_answers, own_operation = KEYS[#KEYS], ARGV[#ARGV - 1]
if ARGV[#ARGV] ~= "" then
  for id in string.gmatch(ARGV[#ARGV], "[^,]+") do redis.call("HDEL", own_answers, id) end
end
local recalled = redis.call("HGET", own_answers, own_operation)
if recalled then return cmsgpack.unpack(recalled)[1] end
`;

const REMEMBER = `
redis.call("HSET", own_answers, own_operation, cmsgpack.pack({ reply }))
redis.call("PEXPIRE", own_answers, ${ANSWER_TTL})
return reply
`;
