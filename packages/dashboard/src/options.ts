import { isIP } from "node:net";
import { type Context, type Logger, ValueError } from "@manyhands/core";
import {
  assertLogger,
  assertOptions,
  environmentSetting,
  optionsOf,
  type RedisConfig,
  resolveNamespace,
} from "@manyhands/core/internal";
import { type TraceUrl, traceUrls } from "./values/trace-url.ts";
import { type AccessOptions, type AccessSettings, isOpen, resolveAccess } from "./visitors/access-options.ts";

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
  /**
   * Path below which the pages are, such as `/ops/queues`, behind a proxy that passes it on or takes it off.
   * @defaultValue "/"
   */
  basePath?: string | undefined;
  /** Who may use the dashboard with which role, and what is hidden. @defaultValue one token for an admin */
  access?: AccessOptions | undefined;
  /**
   * Where a trace is in a tracing tool, such as `https://tracing.example.org/trace/{traceId}`: tasks then link to it.
   * @defaultValue `MANYHANDS_DASHBOARD_TRACE_URL`, then no link
   */
  traceUrl?: string | undefined;
  /** @defaultValue nothing is reported */
  logger?: Logger | undefined;
}

/** The names that visitors may call a dashboard by. */
export interface KnownHosts {
  /** The address that the dashboard listens on; null: the server around it listens, and has one of its own. */
  host: string | null;
  /** Whether only this machine can reach it. */
  loopback: boolean;
  /** More names, in lower case. */
  allowed: readonly string[];
}

/** The options with every default filled in. */
export interface DashboardSettings {
  redis: RedisConfig | undefined;
  namespace: string;
  /** Where the pages are, with a slash at the end. */
  home: string;
  access: AccessSettings;
  traceUrl: TraceUrl;
  /** The names that visitors may call it by; null: any. */
  hosts: KnownHosts | null;
  logger: Logger;
}

/** The same of a dashboard that listens by itself. */
export interface ListenSettings extends DashboardSettings {
  port: number;
  host: string;
}

/** Options of {@link createDashboard}. */
export interface CreateDashboardOptions {
  /** Shows the namespace of this context. Its connection stays its own, and is never closed. Instead of `redis` and `namespace`. */
  mp?: Context | undefined;
  /** URL, options of ioredis, or cluster nodes. @defaultValue the environment, then redis://127.0.0.1:6379 */
  redis?: RedisConfig | undefined;
  /** 1 to 100 letters, digits or `_ . -`. @defaultValue `MANYHANDS_NAMESPACE`, then "manyhands" */
  namespace?: string | undefined;
  /** Path at which the surrounding server serves it, such as `/ops/queues`. @defaultValue "/" */
  basePath?: string | undefined;
  /**
   * Who may use it with which role, and what is hidden: the login of the surrounding application by `authorize`, or tokens,
   * or a trusted proxy. `{ token: false }`: everyone who calls the server by a name of its own machine.
   */
  access: AccessOptions;
  /**
   * The only names that visitors may call the server by, such as `app.example.org`.
   * @defaultValue any; with `token: false` those of this machine
   */
  allowedHosts?: readonly string[] | undefined;
  /**
   * Where a trace is in a tracing tool, such as `https://tracing.example.org/trace/{traceId}`: tasks then link to it.
   * @defaultValue `MANYHANDS_DASHBOARD_TRACE_URL`, then no link
   */
  traceUrl?: string | undefined;
  /** @defaultValue nothing is reported */
  logger?: Logger | undefined;
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
  basePath: "text",
  access: true,
  traceUrl: true,
  logger: true,
});

const CREATE_OPTIONS = optionsOf<CreateDashboardOptions>({
  mp: true,
  redis: true,
  namespace: true,
  basePath: "text",
  access: true,
  allowedHosts: true,
  traceUrl: true,
  logger: true,
});

/** @throws ValueError naming the option that is wrong */
export function resolveOptions(options: DashboardOptions): ListenSettings {
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
    home: checkedBase(options.basePath),
    access: resolveAccess(accessOf(options), { host, loopback }),
    hosts: { host, loopback, allowed: checkedHosts(options.allowedHosts ?? hostsOfEnvironment()) },
    traceUrl: traceUrls(options.traceUrl),
    logger: checkedLogger(options.logger),
  };
}

/** @throws ValueError naming the option that is wrong */
export function resolveMounting(options: CreateDashboardOptions): DashboardSettings {
  assertOptions("createDashboard()", options, CREATE_OPTIONS);
  const access = resolveAccess(accessOf(options), { host: "127.0.0.1", loopback: true });
  if (access.generatedToken !== null) {
    throw new ValueError(
      "createDashboard() has to know who may use it; got no access: give { access: { authorize: (request) => … } } with the " +
        "login of your application, { access: { token } }, or { access: { token: false } } on your own machine",
    );
  }
  const names = options.allowedHosts ?? hostsOfEnvironment();
  const allowed = checkedHosts(names);
  const isAnyone = isOpen(access);
  return {
    ...placeOf(options),
    home: checkedBase(options.basePath),
    access,
    // Who has to prove who they are is no prey of a foreign name: a browser sends it neither cookie nor token.
    hosts: isAnyone || allowed.length > 0 ? { host: null, loopback: isAnyone, allowed } : null,
    traceUrl: traceUrls(options.traceUrl),
    logger: checkedLogger(options.logger),
  };
}

function placeOf({ mp, redis, namespace }: CreateDashboardOptions): Pick<DashboardSettings, "redis" | "namespace"> {
  if (mp === undefined) return { redis, namespace: resolveNamespace(namespace) };
  for (const [name, given] of Object.entries({ redis, namespace })) {
    if (given !== undefined) throw new ValueError(`give mp or ${name}, not both: mp has a Redis and a namespace`);
  }
  if (typeof mp?.place !== "object") throw new ValueError(`mp must be what connect() gave; got ${typeof mp}`);
  return mp.place;
}

/** Beginnings of the paths inside of the dashboard. */
const OWN_PATHS = [
  ...["/api/v1", "/assets", "/bull-board", "/metrics", "/healthz", "/readyz", "/sign-in"],
  ...["/failures", "/tasks", "/dead-letters", "/pools", "/hosts", "/processes", "/objects", "/schedules", "/workflows"],
  ...["/redis", "/audit", "/settings"],
];

function checkedBase(path: string | undefined): string {
  const bare = (path ?? "/").replace(/\/$/, "");
  const isPath = bare.split("/").every((part, index) => (index === 0 ? part === "" : /^[\w~-][\w.~-]*$/.test(part)));
  // Of a proxy that takes the base off, such a path would be taken for the base and the page at once.
  const taken = OWN_PATHS.find((own) => `${own}/`.startsWith(`${bare}/`) || bare.startsWith(`${own}/`));
  if (isPath && bare !== "" && taken !== undefined) {
    throw new ValueError(`basePath must not be that of a page of the dashboard, ${taken}; got "${path}"`);
  }
  if (isPath && bare.length <= 200) return `${bare}/`;
  throw new ValueError(
    `basePath must be a path of letters, digits and _ ~ . - that begins with a slash, such as /ops/queues; got "${path}"`,
  );
}

/** @throws ValueError for what is given in both places */
function accessOf({
  token,
  readOnly,
  access = {},
}: Pick<DashboardOptions, "token" | "readOnly" | "access">): AccessOptions {
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
