import { RedisUnfitError } from "../../errors/index.ts";
import { startDockerServer } from "./docker.ts";
import { findServer, type ServerBinary, serverAt } from "./find-server.ts";
import { startLocalServer } from "./local-server.ts";
import { obtainPrivateCopy } from "./private-copy.ts";
import type { RedisServer, RedisServerOptions } from "./server.ts";
import { checkServerOptions, WAYS } from "./server-options.ts";

/**
 * Starts a private Redis: with the `redis-server` or `valkey-server` of the PATH, else with a private copy from the
 * system's package manager, else in Docker.
 *
 * @throws ValueError for an unknown or wrong option; RedisUnfitError when there is no way to a server; the message names the ways and what each one said
 */
export async function startRedisServer(given: RedisServerOptions = {}): Promise<RedisServer> {
  checkServerOptions("startRedisServer()", given);
  const { port, ...others } = given;
  // To Redis, 0 means to listen on none.
  const options: RedisServerOptions = port === undefined || port === 0 ? others : { ...others, port };
  if (options.binary !== undefined) return startLocalServer(await serverAt(options.binary), "path", options);
  const ways = options.ways ?? WAYS;
  const reasons: string[] = [];
  for (const way of WAYS) {
    if (!ways.includes(way)) {
      reasons.push(`${way}: switched off`);
      continue;
    }
    let binary: ServerBinary | undefined;
    try {
      if (way === "docker") return await startDockerServer(options);
      binary = way === "path" ? await findServer() : await obtainPrivateCopy(options);
    } catch (error) {
      reasons.push(`${way}: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    // A server that is there but does not start is the user's to repair: another way would hide it.
    return await startLocalServer(binary, way, options);
  }
  throw new RedisUnfitError(noWay(reasons));
}

function noWay(reasons: string[]): string {
  return [
    "no Redis was given and none could be started. Do one of these:",
    "  - say where one is: MANYHANDS_REDIS_URL=redis://host:6379",
    "  - install redis-server or valkey-server (at least 6.2), so that it is on the PATH",
    "  - start Docker, and add testcontainers to your project",
    "What was tried:",
    ...reasons.map((reason) => `  - ${reason.replaceAll("\n", "\n    ")}`),
  ].join("\n");
}
