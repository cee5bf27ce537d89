import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";
import { got, ValueError } from "../../errors/index.ts";
import { environmentSetting, trimSetting } from "../../package/index.ts";
import { DEFAULT_REDIS_URL, type RedisTarget } from "./redis-target.ts";
import { parseRedisUrl } from "./redis-url.ts";

/**
 * Where Redis is: a URL (`redis://:password@host:6379/0`, `rediss://…`, `redis+sentinel://host,host/master`,
 * `redis+cluster://host,host`), options of ioredis (also `{ sentinels, name }` and `{ path }`), or the nodes of a cluster.
 */
export type RedisConfig = string | RedisOptions | ClusterNode[] | { cluster: ClusterNode[]; options?: ClusterOptions };

/**
 * Resolves a configuration; without one, the environment decides (`MANYHANDS_REDIS_URL`, then `REDIS_URL`), then the
 * default address.
 *
 * @throws ValueError when the form is wrong, or `keyPrefix` or `replyMapping` is set: BullMQ's scripts break on them
 */
export function resolveRedis(config: RedisConfig | undefined): RedisTarget {
  const given = config ?? environmentSetting("MANYHANDS_REDIS_URL", "REDIS_URL") ?? DEFAULT_REDIS_URL;
  if (typeof given === "string") return parseRedisUrl(given);
  if (Array.isArray(given)) return cluster(given, {});
  if (typeof given !== "object" || given === null) {
    throw new ValueError(`redis must be a URL, an object of options or a list of cluster nodes; got ${String(given)}`);
  }
  if ("cluster" in given) return cluster(given.cluster, given.options ?? {});
  refuseForeignOptions(given);
  assertPort(given);
  return { kind: "single", options: withTrimmedSecrets(given) };
}

/** The address for messages, without the password. */
export function describeRedis(config: RedisConfig | undefined): string {
  const target = resolveRedis(config);
  if (target.kind === "cluster") return `Redis Cluster (${target.nodes.length} nodes)`;
  const { path, sentinels, name, host, port, db } = target.options;
  if (path) return `unix:${path}`;
  if (sentinels) return `Sentinel master ${name ?? "?"}`;
  return `${host ?? "127.0.0.1"}:${port ?? 6379}${db ? `/${db}` : ""}`;
}

function cluster(nodes: ClusterNode[], options: ClusterOptions): RedisTarget {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new ValueError("redis: a cluster needs at least one node, such as [{ host, port }]");
  }
  for (const node of nodes) if (typeof node === "object") assertPort(node);
  refuseForeignOptions(options);
  refuseForeignOptions(options.redisOptions ?? {});
  const { redisOptions } = options;
  if (redisOptions === undefined) return { kind: "cluster", nodes, options };
  return { kind: "cluster", nodes, options: { ...options, redisOptions: withTrimmedSecrets(redisOptions) } };
}

/** A program reads its password from the environment or a mounted file, which end with a line break. */
function withTrimmedSecrets<Options extends Pick<RedisOptions, "password" | "sentinelPassword">>(
  options: Options,
): Options {
  const trimmed = { ...options };
  for (const name of ["password", "sentinelPassword"] as const) {
    const secret = trimmed[name];
    if (typeof secret === "string") trimmed[name] = trimSetting(secret);
  }
  return trimmed;
}

/** ioredis would look for a server there until the time to connect is over. */
function assertPort({ port }: { port?: unknown }): void {
  if (port === undefined || port === null) return;
  const number = typeof port === "string" && /^\d+$/.test(port) ? Number(port) : port;
  if (Number.isInteger(number) && (number as number) >= 1 && (number as number) <= 65_535) return;
  throw new ValueError(`redis.port must be a whole number from 1 to 65535; got ${got(port)}`);
}

function refuseForeignOptions(options: object): void {
  for (const [name, instead] of Object.entries(FOREIGN_OPTIONS)) {
    if (name in options) throw new ValueError(`redis.${name} is not supported: results would be lost; ${instead}`);
  }
}

/** Options of ioredis that change commands or replies. */
const FOREIGN_OPTIONS = {
  keyPrefix: "use the option namespace instead",
  replyMapping: "leave it out",
  stringNumbers: "leave it out",
};
