import { isIP } from "node:net";
import { type Logger, ValueError } from "@manyhands/core";
import {
  assertLogger,
  assertOptions,
  environmentSetting,
  optionsOf,
  type RedisConfig,
  resolveNamespace,
} from "@manyhands/core/internal";
import { type AccessOptions, type AccessSettings, resolveAccess } from "./visitors/access-options.ts";

export interface DashboardOptions {
  /** URL, options of ioredis, or cluster nodes. @defaultValue the environment, then redis://127.0.0.1:6379 */
  redis?: RedisConfig | undefined;
  /** 1 to 100 letters, digits or `_ . -`. @defaultValue `MANYHANDS_NAMESPACE`, then "manyhands" */
  namespace?: string | undefined;
  /** 0 takes a free port. @defaultValue 3000 */
  port?: number | undefined;
  /** Address to listen on. Another than loopback needs a token. @defaultValue "127.0.0.1" */
  host?: string | undefined;
  /** What an admin must know: as `access.token`. */
  token?: string | false | undefined;
  /**
   * More names that visitors may call the dashboard by, such as that of a proxy before it. Without a name of its own
   * it answers to those of this machine and, beyond loopback, to every bare address.
   * @defaultValue `MANYHANDS_DASHBOARD_ALLOWED_HOSTS` (names with commas between), then none
   */
  allowedHosts?: readonly string[] | undefined;
  /** Refuse everything that changes something: as `access.readOnly`. @defaultValue false */
  readOnly?: boolean | undefined;
  /** Who may use the dashboard with which role, and what is hidden. @defaultValue one token for an admin */
  access?: AccessOptions | undefined;
  /** @defaultValue nothing is reported */
  logger?: Logger | undefined;
}

/** The options with every default filled in. */
export interface DashboardSettings {
  redis: RedisConfig | undefined;
  namespace: string;
  port: number;
  host: string;
  access: AccessSettings;
  loopback: boolean;
  /** In lower case. */
  allowedHosts: readonly string[];
  logger: Logger;
}

export const DEFAULT_DASHBOARD_PORT = 3000;
export const DEFAULT_DASHBOARD_HOST = "127.0.0.1";
const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

const DASHBOARD_OPTIONS = optionsOf<DashboardOptions>({
  redis: true,
  namespace: true,
  port: true,
  host: true,
  token: true,
  allowedHosts: true,
  readOnly: "boolean",
  access: true,
  logger: true,
});

/** @throws ValueError naming the option that is wrong */
export function resolveOptions(options: DashboardOptions): DashboardSettings {
  assertOptions("startDashboard()", options, DASHBOARD_OPTIONS);
  const host = options.host ?? DEFAULT_DASHBOARD_HOST;
  if (typeof host !== "string" || host === "")
    throw new ValueError(`host must be an address such as 127.0.0.1; got "${host}"`);
  const loopback = isLoopback(host);
  return {
    redis: options.redis,
    namespace: resolveNamespace(options.namespace),
    port: checkedPort(options.port ?? DEFAULT_DASHBOARD_PORT),
    host,
    access: resolveAccess(accessOf(options), { host, loopback }),
    loopback,
    allowedHosts: checkedHosts(options.allowedHosts ?? hostsOfEnvironment()),
    logger: checkedLogger(options.logger),
  };
}

/** @throws ValueError for what is given in both places */
function accessOf({ token, readOnly, access = {} }: DashboardOptions): AccessOptions {
  if (typeof access !== "object" || access === null) {
    throw new ValueError(
      `access must be an object such as { tokens, redact }; got ${access === null ? "null" : typeof access}`,
    );
  }
  for (const [name, here] of Object.entries({ token, readOnly })) {
    if (here === undefined || access[name as "token"] === undefined) continue;
    throw new ValueError(`give ${name} or access.${name}, not both`);
  }
  return { ...access, ...(token !== undefined && { token }), ...(readOnly !== undefined && { readOnly }) };
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
