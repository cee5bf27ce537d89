import { hostname, userInfo } from "node:os";
import {
  assertRedisFit,
  assertRights,
  closeRedis,
  describeRedis,
  Inspector,
  Keys,
  openRedis,
  type RedisClient,
  type RedisFitness,
} from "@manyhands/core/internal";
import type { Settings } from "../settings/settings.ts";

/** A connection that has answered, and what a command does over it. */
export interface Connection {
  client: RedisClient;
  keys: Keys;
  inspector: Inspector;
  fitness: RedisFitness;
}

/** Who changes something by a command. */
const ACTOR = { name: `${userName()}@${hostname()}`, via: "command", role: null, address: null } as const;

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that has no name.
    return String(process.getuid?.() ?? "unknown");
  }
}

/**
 * Gives `use` a connection to the Redis of the settings and closes it afterwards.
 * @throws RedisUnfitError when it cannot be reached or is not fit for use
 */
export async function withConnection<Result>(
  settings: Settings,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const client = openRedis(settings.redis.value, { name: "manyhands-command" });
  const keys = new Keys(settings.namespace.value);
  const logger = { warn: (message: string) => void process.stderr.write(`warning: ${message}\n`) };
  const inspector = new Inspector({ client, keys, audit: { actor: () => ACTOR, logger } });
  try {
    const fitness = await assertRedisFit(client, settings.redis.value);
    await assertRights(client, describeRedis(settings.redis.value), keys.prefix);
    return await use({ client, keys, inspector, fitness });
  } finally {
    await inspector.close();
    await closeRedis(client);
  }
}
