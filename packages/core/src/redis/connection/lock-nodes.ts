import { ValueError } from "../../errors/index.ts";
import { environmentSetting } from "../../package/index.ts";
import { describeRedis, type RedisConfig, resolveRedis } from "./redis-config.ts";

/**
 * Checks the masters that are to vote on locks; without any, the environment decides (`MANYHANDS_LOCK_NODES`, URLs with
 * commas between), and without that only the one Redis votes.
 *
 * @throws ValueError unless they are 3 or another odd number, each a single server and each another one
 */
export function resolveLockNodes(given: readonly RedisConfig[] | undefined): readonly RedisConfig[] {
  const nodes = given ?? fromEnvironment(environmentSetting("MANYHANDS_LOCK_NODES") ?? "");
  if (!Array.isArray(nodes)) throw new ValueError(`lockNodes must be a list of Redis servers; got ${String(nodes)}`);
  if (nodes.length === 0) return [];
  const servers = nodes.map((node: RedisConfig) => {
    if (resolveRedis(node).kind === "single") return describeRedis(node);
    throw new ValueError(`lockNodes must be single masters, not clusters; got ${describeRedis(node)}`);
  });
  if (servers.length < 3) {
    throw new ValueError(
      `lockNodes must be at least 3 Redis servers, because a majority of ${servers.length} fails with its first member; ` +
        `got ${servers.join(", ")}; leave it out to lock on one Redis`,
    );
  }
  if (servers.length % 2 === 0) {
    throw new ValueError(
      `lockNodes must be an odd number of Redis servers, because ${servers.length} can split into two halves of which ` +
        `neither decides; got ${servers.join(", ")}; use ${servers.length - 1} or ${servers.length + 1}`,
    );
  }
  const twice = servers.find((server, index) => servers.indexOf(server) !== index);
  if (twice) throw new ValueError(`lockNodes must be different Redis servers; got ${twice} twice`);
  return nodes;
}

function fromEnvironment(text: string): string[] {
  return text
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
}
