import { assertOptions } from "../../checks/index.ts";
import { settingIn } from "../../package/index.ts";
import type { RedisServer, RedisServerOptions } from "./server.ts";
import { SERVER_OPTIONS } from "./server-options.ts";
import { startRedisServer } from "./start.ts";

export interface ObtainRedisOptions extends RedisServerOptions {
  /**
   * Where the variables `MANYHANDS_REDIS_URL` and `REDIS_URL` are read from.
   * @defaultValue process.env
   */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A Redis to use; `stop()` ends it when it was started for the caller, and does nothing to one that was given. */
export interface ObtainedRedis {
  url: string;
  source: "environment" | RedisServer["source"];
  /** The server that was started; absent when the environment names one. */
  server?: RedisServer;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The Redis of the environment (`MANYHANDS_REDIS_URL`, then `REDIS_URL`), else a private one that is started now and
 * ends with this process.
 *
 * @throws RedisUnfitError when there is none and none could be started; the message says what was tried
 */
export async function obtainRedis(options: ObtainRedisOptions = {}): Promise<ObtainedRedis> {
  assertOptions("obtainRedis()", options, { ...SERVER_OPTIONS, environment: true });
  const { environment = process.env, ...serverOptions } = options;
  const given = settingIn(environment, "MANYHANDS_REDIS_URL", "REDIS_URL");
  if (given) return { url: given.value, source: "environment", stop: nothing, [Symbol.asyncDispose]: nothing };
  const server = await startRedisServer(serverOptions);
  const stop = () => server.stop();
  return { url: server.url, source: server.source, server, stop, [Symbol.asyncDispose]: stop };
}

async function nothing(): Promise<void> {}
