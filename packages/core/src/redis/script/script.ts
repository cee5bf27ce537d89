import { createHash } from "node:crypto";
import { type RedisClient, roundTripOf } from "../connection/index.ts";

type Argument = string | number | Buffer | Uint8Array;

/** A reply whose strings are bytes. */
type WithBytes<Reply> = Reply extends string
  ? Buffer
  : Reply extends unknown[]
    ? { [Index in keyof Reply]: WithBytes<Reply[Index]> }
    : Reply;

/**
 * One Lua script: one state change. A connection sends the text once, then its hash; when the server has forgotten it, the
 * text follows. How long the answers take is noted for the connection (`RoundTrip`).
 */
export class Script<Reply = unknown> {
  readonly name: string;
  readonly #read: (reply: never) => Reply;
  readonly #make: () => string;
  /** Its text and the hash of that, from the first use on. */
  #made: { lua: string; hash: string } | undefined;
  readonly #isMeasured: boolean;
  /** Connections that have sent the text. */
  readonly #knownBy = new WeakSet<RedisClient>();

  /**
   * @param definition.lua - Its text, or what makes it with the first use: a text that holds a script of BullMQ loads BullMQ.
   * @param definition.isMeasured - false: Redis works on it for long, so that it says nothing of the distance.
   * @param definition.read - Gives what the script replies a name; left out, `run` returns the reply as it is.
   */
  constructor(definition: {
    name: string;
    lua: string | (() => string);
    isMeasured?: boolean;
    read?: (reply: never) => Reply;
  }) {
    const { name, lua, isMeasured = true, read = (reply) => reply } = definition;
    this.name = name;
    this.#read = read;
    this.#isMeasured = isMeasured;
    this.#make = typeof lua === "string" ? () => lua : lua;
  }

  get #text(): { lua: string; hash: string } {
    if (this.#made === undefined) {
      const lua = this.#make();
      this.#made = { lua, hash: createHash("sha1").update(lua).digest("hex") };
    }
    return this.#made;
  }

  async run(client: RedisClient, keys: string[], args: Argument[]): Promise<Reply> {
    return this.#read((await this.#measure(client, keys, { args, form: "text" })) as never);
  }

  /** As {@link run}, but every string of the reply comes as the bytes that it is. */
  async runForBytes(client: RedisClient, keys: string[], args: Argument[]): Promise<WithBytes<Reply>> {
    return this.#read((await this.#measure(client, keys, { args, form: "bytes" })) as never) as WithBytes<Reply>;
  }

  #measure(client: RedisClient, keys: string[], call: { args: Argument[]; form: "text" | "bytes" }): Promise<unknown> {
    const answer = this.#run(client, keys, call);
    // Before it is ready, it keeps what it is to send.
    const answered = this.#isMeasured && client.status === "ready" ? roundTripOf(client).start() : undefined;
    if (answered) answer.then(answered, answered);
    return answer;
  }

  async #run(
    client: RedisClient,
    keys: string[],
    call: { args: Argument[]; form: "text" | "bytes" },
  ): Promise<unknown> {
    // As one array: a call in JavaScript takes no more than some 100 000 arguments.
    const parameters = [...keys, ...(call.args as (string | Buffer)[])];
    const { lua, hash } = this.#text;
    const evaluate = (): Promise<unknown> =>
      call.form === "text"
        ? client.eval(lua, keys.length, parameters)
        : client.callBuffer("eval", [lua, keys.length, ...parameters]);
    if (!this.#knownBy.has(client)) {
      this.#knownBy.add(client);
      // At once and not after a refusal: commands that are sent after this one must be done after it.
      return evaluate();
    }
    try {
      return await (call.form === "text"
        ? client.evalsha(hash, keys.length, parameters)
        : client.callBuffer("evalsha", [hash, keys.length, ...parameters]));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return evaluate();
    }
  }
}
