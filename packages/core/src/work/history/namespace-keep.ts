import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { type Keep, readableKeep } from "../../wire/records/keep.ts";

/** Field of the settings of a namespace. */
const KEEP_FIELD = "keep";

/** What the namespace keeps of finished tasks, as `connect({ keep })` has said last; undefined = nothing was said. */
export async function readNamespaceKeep(client: RedisClient, keys: Keys): Promise<Keep | undefined> {
  const text = await client.hget(keys.settings, KEEP_FIELD).catch(() => null);
  if (!text) return undefined;
  try {
    return readableKeep(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Says it for all pools of the namespace that say nothing themselves. */
export async function writeNamespaceKeep(client: RedisClient, keys: Keys, keep: Keep): Promise<void> {
  await client.hset(keys.settings, KEEP_FIELD, JSON.stringify(keep));
}
