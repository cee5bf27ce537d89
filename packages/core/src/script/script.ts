import { createHash } from "node:crypto";
import type { RedisClient } from "../connection/index.ts";

type Argument = string | number | Buffer | Uint8Array;

/** One Lua script: one state change. Sent by its hash; the text follows only when the server does not know it. */
export class Script<Reply = unknown> {
  readonly name: string;
  readonly #lua: string;
  readonly #hash: string;

  constructor(definition: { name: string; lua: string }) {
    this.name = definition.name;
    this.#lua = definition.lua;
    this.#hash = createHash("sha1").update(definition.lua).digest("hex");
  }

  async run(client: RedisClient, keys: string[], args: Argument[]): Promise<Reply> {
    const parameters = [...keys, ...(args as (string | number | Buffer)[])];
    try {
      return (await client.evalsha(this.#hash, keys.length, ...parameters)) as Reply;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return (await client.eval(this.#lua, keys.length, ...parameters)) as Reply;
    }
  }
}
