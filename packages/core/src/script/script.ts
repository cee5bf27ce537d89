import { createHash } from "node:crypto";
import type { RedisClient } from "../connection/index.ts";

type Argument = string | number | Buffer | Uint8Array;

/**
 * One Lua script: one state change. A connection sends the text once, then its hash; when the server has forgotten it, the
 * text follows.
 */
export class Script<Reply = unknown> {
  readonly name: string;
  readonly #lua: string;
  readonly #hash: string;
  /** Connections that have sent the text. */
  readonly #knownBy = new WeakSet<RedisClient>();

  constructor(definition: { name: string; lua: string }) {
    this.name = definition.name;
    this.#lua = definition.lua;
    this.#hash = createHash("sha1").update(definition.lua).digest("hex");
  }

  async run(client: RedisClient, keys: string[], args: Argument[]): Promise<Reply> {
    const parameters = [...keys, ...(args as (string | number | Buffer)[])];
    if (!this.#knownBy.has(client)) {
      this.#knownBy.add(client);
      // At once and not after a refusal: commands that are sent after this one must be done after it.
      return (await client.eval(this.#lua, keys.length, ...parameters)) as Reply;
    }
    try {
      return (await client.evalsha(this.#hash, keys.length, ...parameters)) as Reply;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return (await client.eval(this.#lua, keys.length, ...parameters)) as Reply;
    }
  }
}
