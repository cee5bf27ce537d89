import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";
import { environmentSetting, trimSetting } from "../environment/index.ts";
import { ValueError } from "../errors/index.ts";

/**
 * Where Redis is: a URL (`redis://:password@host:6379/0`, `rediss://…`), options of ioredis (also `{ sentinels, name }`
 * and `{ path }`), or the nodes of a Redis Cluster.
 */
export type RedisConfig = string | RedisOptions | ClusterNode[] | { cluster: ClusterNode[]; options?: ClusterOptions };

/** What is used when nothing is configured. */
export const DEFAULT_REDIS_URL = "redis://127.0.0.1:6379";

/** Options of ioredis without those that BullMQ's scripts break on. */
export type ConnectionOptions = Omit<RedisOptions, "keyPrefix" | "replyMapping">;

/** One spelling of every form of {@link RedisConfig}. */
export type RedisTarget =
  | { kind: "single"; options: ConnectionOptions }
  | { kind: "cluster"; nodes: ClusterNode[]; options: ClusterOptions };

/**
 * Resolves a configuration; without one, the environment decides (`MANYHANDS_REDIS_URL`, then `REDIS_URL`), then the
 * default address.
 *
 * @throws ValueError when the form is wrong, or `keyPrefix` or `replyMapping` is set: BullMQ's scripts break on them
 */
export function resolveRedis(config: RedisConfig | undefined): RedisTarget {
  const given = config ?? environmentSetting("MANYHANDS_REDIS_URL", "REDIS_URL") ?? DEFAULT_REDIS_URL;
  if (typeof given === "string") return { kind: "single", options: parseUrl(given) };
  if (Array.isArray(given)) return cluster(given, {});
  if (typeof given !== "object" || given === null) {
    throw new ValueError(`redis must be a URL, an object of options or a list of cluster nodes; got ${String(given)}`);
  }
  if ("cluster" in given) return cluster(given.cluster, given.options ?? {});
  refuseForeignOptions(given);
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

function parseUrl(given: string): ConnectionOptions {
  const text = trimSetting(given);
  let url: URL;
  try {
    // A URL with a user or a password must have a host, which the path of a socket does not.
    url = new URL(text.replace(/^(unix:\/\/[^/?#]*@)(?=\/)/i, "$1socket"));
  } catch {
    throw new ValueError(`redis must be a URL such as ${DEFAULT_REDIS_URL}; got "${withoutPassword(text)}"`);
  }
  if (url.protocol === "unix:") {
    return { path: decoded(url.pathname, "path"), ...database(url.searchParams.get("db")), ...credentials(url) };
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new ValueError(`redis must be a redis:// or rediss:// URL; got "${url.protocol}//…"`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: url.port ? Number(url.port) : 6379,
    ...database(url.pathname.slice(1) || url.searchParams.get("db")),
    ...credentials(url),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
  };
}

function database(text: string | null): { db: number } {
  if (!text) return { db: 0 };
  if (/^\d+$/.test(text)) return { db: Number(text) };
  throw new ValueError(`the database in the Redis URL must be a number; got "${withoutPassword(text)}"`);
}

function credentials({ username, password }: URL): { username?: string; password?: string } {
  return {
    ...(username ? { username: decoded(username, "user or password") } : {}),
    ...(password ? { password: decoded(password, "user or password") } : {}),
  };
}

function decoded(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ValueError(`the ${what} in the Redis URL has a "%" that begins no %XX; write it as %25`);
  }
}

/** What stands before an @ is not shown. */
function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/)?.*@/s, "$1***@");
}

function cluster(nodes: ClusterNode[], options: ClusterOptions): RedisTarget {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new ValueError("redis: a cluster needs at least one node, such as [{ host, port }]");
  }
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
