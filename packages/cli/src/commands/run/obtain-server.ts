import { assertRedisFit, closeRedis, openRedis } from "@manyhands/core/internal";
import { startRedisServer } from "@manyhands/core/redis-server";
import type { Printer } from "../../output/printer.ts";
import type { Settings } from "../../settings/settings.ts";

/** A Redis for one command: the given one, or a private one that ends with it. */
export interface OwnServer extends AsyncDisposable {
  url: string;
  /** True when it was started for this command. */
  isPrivate: boolean;
}

/** How long the default address is tried before a private server is started, ms. */
const PATIENCE = 500;

/**
 * The Redis that the settings name; without such a setting and without a server at the default address, a private one.
 * @throws RedisUnfitError when the named one cannot be used, or none could be started
 */
export async function obtainServer(settings: Settings, printer: Printer): Promise<OwnServer> {
  const { value: url, source } = settings.redis;
  if (source !== "default") {
    await assertUsable(url);
    return { url, isPrivate: false, async [Symbol.asyncDispose]() {} };
  }
  if (
    await assertUsable(url, PATIENCE).then(
      () => true,
      () => false,
    )
  ) {
    return { url, isPrivate: false, async [Symbol.asyncDispose]() {} };
  }
  return privateServer(printer);
}

/** A private Redis, also if another one is there. */
export async function privateServer(printer: Printer): Promise<OwnServer> {
  const server = await startRedisServer({ logger: { info: (message) => printer.words(message) } });
  printer.words(`started a private Redis (${server.source}) on port ${server.port}`);
  return { url: server.url, isPrivate: true, [Symbol.asyncDispose]: () => server.stop() };
}

async function assertUsable(url: string, timeout?: number): Promise<void> {
  const client = openRedis(url, { name: "manyhands-command" });
  try {
    await assertRedisFit(client, url, { timeout });
  } finally {
    await closeRedis(client);
  }
}
