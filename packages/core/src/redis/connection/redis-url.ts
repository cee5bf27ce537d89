import { readFileSync } from "node:fs";
import { got, ValueError } from "../../errors/index.ts";
import { trimSetting } from "../../package/index.ts";
import { type ConnectionOptions, DEFAULT_REDIS_URL, type RedisTarget } from "./redis-target.ts";

/** `redis+sentinel://…`, `rediss+cluster://…`: several addresses with commas between, which URL itself does not read. */
const SEVERAL = /^(rediss?)\+(sentinel|cluster):\/\/(?:(.*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;

const SCHEMES =
  "redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster:// or unix://";

/**
 * Where a URL says that Redis is: one server, the master that Sentinels know, or a cluster.
 * @throws ValueError saying what is wrong with it, without its password
 */
export function parseRedisUrl(given: string): RedisTarget {
  const text = trimSetting(given);
  const several = SEVERAL.exec(text);
  if (several) return parseSeveral(several, text);
  let url: URL;
  try {
    // A URL with a user or a password must have a host, which the path of a socket does not.
    url = new URL(text.replace(/^(unix:\/\/[^/?#]*@)(?=\/)/i, "$1socket"));
  } catch {
    throw new ValueError(`redis must be a URL such as ${DEFAULT_REDIS_URL}; got "${withoutPassword(text)}"`);
  }
  if (url.protocol === "unix:") {
    const options = {
      path: decoded(url.pathname, "path"),
      ...database(url.searchParams.get("db")),
      ...credentials(url),
    };
    return { kind: "single", options };
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new ValueError(`redis must be a ${SCHEMES} URL; got "${url.protocol}//…"`);
  }
  const options = {
    host: url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: url.port ? Number(url.port) : 6379,
    ...database(url.pathname.slice(1) || url.searchParams.get("db")),
    ...credentials(url),
    ...(url.protocol === "rediss:" ? { tls: tls(url.searchParams) } : {}),
  };
  return { kind: "single", options };
}

function parseSeveral(
  [, scheme = "", kind = "", login = "", places = "", path = "", query]: string[],
  text: string,
): RedisTarget {
  const parameters = new URLSearchParams(query ?? "");
  const [username = "", ...password] = login.split(":");
  const options: ConnectionOptions = {
    ...credentials({ username, password: password.join(":") }),
    ...(scheme.toLowerCase() === "rediss" ? { tls: tls(parameters) } : {}),
  };
  if (kind.toLowerCase() === "cluster") {
    const nodes = addresses(places, 6379, text);
    if (path !== "" && path !== "0") {
      throw new ValueError(`a Redis Cluster has the database 0 only; got "${withoutPassword(text)}"`);
    }
    return { kind: "cluster", nodes, options: { redisOptions: options } };
  }
  const [name = "", db = ""] = path.split("/");
  if (name === "") {
    throw new ValueError(
      "a URL of Sentinels must name the master that they know, such as " +
        `redis+sentinel://host:26379,other:26379/mymaster; got "${withoutPassword(text)}"`,
    );
  }
  const own = {
    sentinelUsername: parameters.get("sentinelUser") ?? undefined,
    sentinelPassword: parameters.get("sentinelPassword") ?? undefined,
  };
  return {
    kind: "single",
    options: {
      ...options,
      sentinels: addresses(places, 26379, text),
      name: decoded(name, "name of the master"),
      ...database(db || parameters.get("db")),
      ...(own.sentinelUsername === undefined ? {} : { sentinelUsername: own.sentinelUsername }),
      ...(own.sentinelPassword === undefined ? {} : { sentinelPassword: own.sentinelPassword }),
      ...(options.tls ? { enableTLSForSentinelMode: true, sentinelTLS: options.tls } : {}),
    },
  };
}

function addresses(places: string, port: number, text: string): { host: string; port: number }[] {
  return places.split(",").map((place) => {
    const [, bracketed, plain, given] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(place.trim()) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined) return { host, port: given === undefined ? port : Number(given) };
    throw new ValueError(
      `redis must name host:port, several with commas between; got ${got(place)} in "${withoutPassword(text)}"`,
    );
  });
}

/** `ca`, `cert` and `key` of a URL are files; `servername` is the name that the certificate is for. */
function tls(parameters: URLSearchParams): NonNullable<ConnectionOptions["tls"]> {
  const options: NonNullable<ConnectionOptions["tls"]> = {};
  for (const name of ["ca", "cert", "key"] as const) {
    const file = parameters.get(name);
    if (file) options[name] = readPart(name, file);
  }
  const servername = parameters.get("servername");
  return servername ? { ...options, servername } : options;
}

function readPart(name: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ValueError(`the ${name} in the Redis URL must be a file that can be read: ${(error as Error).message}`);
  }
}

function database(text: string | null): { db: number } {
  if (!text) return { db: 0 };
  if (/^\d+$/.test(text)) return { db: Number(text) };
  throw new ValueError(`the database in the Redis URL must be a number; got "${withoutPassword(text)}"`);
}

function credentials({ username, password }: { username: string; password: string }): {
  username?: string;
  password?: string;
} {
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

/** What stands before an @ is not shown, nor the password of Sentinels. */
function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/)?.*@/s, "$1***@").replace(/(sentinelPassword=)[^&]*/gi, "$1***");
}
