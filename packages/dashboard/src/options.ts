import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { type Logger, ValueError } from "@manyhands/core";
import {
  assertLogger,
  assertOptions,
  environmentSetting,
  optionsOf,
  type RedisConfig,
  resolveNamespace,
  trimSetting,
} from "@manyhands/core/internal";

export interface DashboardOptions {
  /** URL, options of ioredis, or cluster nodes. @defaultValue the environment, then redis://127.0.0.1:6379 */
  redis?: RedisConfig | undefined;
  /** 1 to 100 letters, digits or `_ . -`. @defaultValue `MANYHANDS_NAMESPACE`, then "manyhands" */
  namespace?: string | undefined;
  /** 0 takes a free port. @defaultValue 3000 */
  port?: number | undefined;
  /** Address to listen on. Another than loopback needs a token. @defaultValue "127.0.0.1" */
  host?: string | undefined;
  /**
   * What a visitor must know, at least 8 characters. Absent: that of the environment (`MANYHANDS_DASHBOARD_TOKEN`),
   * else a random one is made, on loopback only, and is part of the returned URL. `false`: none, on loopback only;
   * every user of this machine may then use the dashboard.
   */
  token?: string | false | undefined;
  /**
   * More names that visitors may call the dashboard by, such as that of a proxy before it. Without a name of its own
   * it answers to those of this machine and, beyond loopback, to every bare address.
   * @defaultValue `MANYHANDS_DASHBOARD_ALLOWED_HOSTS` (names with commas between), then none
   */
  allowedHosts?: readonly string[] | undefined;
  /** Refuse everything that changes something. @defaultValue false */
  readOnly?: boolean | undefined;
  /** @defaultValue nothing is reported */
  logger?: Logger | undefined;
}

/** The options with every default filled in. */
export interface DashboardSettings {
  redis: RedisConfig | undefined;
  namespace: string;
  port: number;
  host: string;
  /** null: free access, on loopback. */
  token: string | null;
  /** True for a random token, which only the URL contains. */
  tokenGenerated: boolean;
  loopback: boolean;
  /** In lower case. */
  allowedHosts: readonly string[];
  readOnly: boolean;
  logger: Logger;
}

export const DEFAULT_DASHBOARD_PORT = 3000;
export const DEFAULT_DASHBOARD_HOST = "127.0.0.1";
const SHORTEST_TOKEN = 8;
const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

const DASHBOARD_OPTIONS = optionsOf<DashboardOptions>({
  redis: true,
  namespace: true,
  port: true,
  host: true,
  token: true,
  allowedHosts: true,
  readOnly: "boolean",
  logger: true,
});

/** @throws ValueError naming the option that is wrong */
export function resolveOptions(options: DashboardOptions): DashboardSettings {
  assertOptions("startDashboard()", options, DASHBOARD_OPTIONS);
  const host = options.host ?? DEFAULT_DASHBOARD_HOST;
  if (typeof host !== "string" || host === "")
    throw new ValueError(`host must be an address such as 127.0.0.1; got "${host}"`);
  const loopback = isLoopback(host);
  const token = options.token ?? environmentSetting("MANYHANDS_DASHBOARD_TOKEN");
  return {
    redis: options.redis,
    namespace: resolveNamespace(options.namespace),
    port: checkedPort(options.port ?? DEFAULT_DASHBOARD_PORT),
    host,
    token: checkedToken(token, host, loopback),
    tokenGenerated: token === undefined,
    loopback,
    allowedHosts: checkedHosts(options.allowedHosts ?? hostsOfEnvironment()),
    readOnly: options.readOnly ?? false,
    logger: checkedLogger(options.logger),
  };
}

function checkedLogger(logger: Logger | undefined): Logger {
  assertLogger(logger);
  return logger ?? silent;
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  if (bare === "localhost" || bare === "::1") return true;
  return isIP(bare) === 4 && bare.startsWith("127.");
}

function hostsOfEnvironment(): string[] {
  const names = environmentSetting("MANYHANDS_DASHBOARD_ALLOWED_HOSTS") ?? "";
  return names.split(",").flatMap((name) => name.trim() || []);
}

function checkedHosts(names: readonly string[]): string[] {
  if (!Array.isArray(names)) throw new ValueError(`allowedHosts must be a list of names; got ${String(names)}`);
  for (const name of names) {
    if (typeof name === "string" && /^(\[[\da-f:.]+\]|[\w.-]+)$/i.test(name)) continue;
    throw new ValueError(
      `allowedHosts must be names such as workers.example.org, without scheme, port and wildcards; got "${String(name)}"`,
    );
  }
  return names.map((name) => name.toLowerCase());
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new ValueError(`port must be a whole number from 0 to 65535; got ${String(port)}`);
}

function checkedToken(token: string | false | undefined, host: string, loopback: boolean): string | null {
  if (token === undefined || token === false) {
    if (!loopback) {
      throw new ValueError(
        `the dashboard on ${host} could be reached from other machines and needs a token; ` +
          "got none: set the option token (--token or MANYHANDS_DASHBOARD_TOKEN), or listen on 127.0.0.1",
      );
    }
    return token === false ? null : randomBytes(24).toString("base64url");
  }
  if (typeof token !== "string") {
    throw new ValueError(`token must be a string of at least ${SHORTEST_TOKEN} characters; got ${typeof token}`);
  }
  // A program may have read it from a file that ends with a line break.
  const secret = trimSetting(token);
  if (secret.length < SHORTEST_TOKEN) {
    throw new ValueError(
      `token must be a string of at least ${SHORTEST_TOKEN} characters; got ${secret.length} characters`,
    );
  }
  // No Authorization header can carry any other: the dashboard would start and refuse every program.
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new ValueError("token must be of visible ASCII characters, without spaces and line breaks; got others");
  }
  return secret;
}
