import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Logger, ValueError } from "@manyhands/core";
import {
  assertLogger,
  assertOptions,
  assertPoolName,
  checkKeep,
  type Isolation,
  isSlots,
  type Keep,
  type Milliseconds,
  MOST_SLOTS,
  optionsOf,
  type RedisConfig,
  resolveLockNodes,
  resolveNamespace,
} from "@manyhands/core/internal";
import { DEFAULT_IDLE } from "../children/child-limits.ts";
import { HostLog, LOG_LEVELS, type LogLevel } from "../log/host-log.ts";
import { type LogFormat, stderrLog } from "../log/stderr-log.ts";

export interface WorkerOptions {
  /**
   * Task modules: paths (relative to the working directory), `file:` URLs. Loaded in every child. An empty list with the
   * isolation "inline": the tasks that this program has defined itself.
   */
  tasks: (string | URL)[];
  /** Where Redis is. @defaultValue `MANYHANDS_REDIS_URL`, `REDIS_URL`, then `redis://127.0.0.1:6379` */
  redis?: RedisConfig | undefined;
  /**
   * Instead of `redis`, where that has functions (`dnsLookup`, `reconnectOnError`, ...), which cannot be sent to the children:
   * a module whose default export is what `redis` takes, or a function that makes it. The host and each child load it.
   */
  redisModule?: string | URL | undefined;
  /**
   * For development: when a file of the task modules changes, load them anew, announce what they define now, and replace the
   * children when their tasks end. Not with the isolation "inline".
   * @defaultValue false
   */
  watch?: boolean | undefined;
  /**
   * A file of schedules, whose default export is made with `defineSchedules()`: path or `file:` URL. It is the whole truth for
   * the schedules that it names.
   * @defaultValue none
   */
  schedules?: string | URL | undefined;
  /** How long a host that is started before its Redis waits for it. @defaultValue 0: it does not start without one */
  waitForRedis?: Milliseconds | undefined;
  /**
   * Modules that the host and each child load first, as by Node's own `--import`: loaders such as `tsx`, for TypeScript that
   * is more than types. Names of installed packages, or paths.
   * @defaultValue none
   */
  import?: string[] | undefined;
  /** The 3 or 5 masters that vote on locks, as in `connect()`. @defaultValue `MANYHANDS_LOCK_NODES`, then none */
  lockNodes?: readonly RedisConfig[] | undefined;
  /** 1 to 100 letters, digits or `_ . -`. @defaultValue `MANYHANDS_NAMESPACE`, then "manyhands" */
  namespace?: string | undefined;
  /** Jobs that run at once over all pools. @defaultValue number of usable processors */
  slots?: number | undefined;
  /** Processes that run at once, beside the slots; 0: none. @defaultValue 128 */
  processes?: number | undefined;
  /** Labels by which processes may ask for a host like this one: `mp.process(task, { host: { label } })`. @defaultValue none */
  labels?: string[] | undefined;
  /** What separates tasks from the host unless the task or the pool says otherwise. @defaultValue "process" */
  isolation?: Isolation | undefined;
  /** Names of the pools to serve. @defaultValue all */
  pools?: string[] | undefined;
  /** Shown everywhere. @defaultValue host name of the machine and the pid */
  name?: string | undefined;
  /** How long running jobs may take to finish when the host stops. @defaultValue 10_000 */
  grace?: Milliseconds | undefined;
  /** Life of a job's lock. A host that dies loses its jobs to others after this and up to three checks. @defaultValue 8_000 */
  lockDuration?: Milliseconds | undefined;
  /** Time between two checks for jobs whose host died. @defaultValue 2_000 */
  stalledInterval?: Milliseconds | undefined;
  /** @defaultValue 2_000 */
  heartbeatInterval?: Milliseconds | undefined;
  /** Heap limit of each child, megabytes. @defaultValue Node's own */
  maxHeap?: number | undefined;
  /** Largest encoded result of one call or item, bytes. @defaultValue 1_048_576 */
  maxPayload?: number | undefined;
  /** Serve `/healthz`, `/readyz` and `/metrics` on this port; 0 = any free one. @defaultValue no health server */
  healthPort?: number | undefined;
  /** Address of the health server. @defaultValue "127.0.0.1" */
  healthAddress?: string | undefined;
  /** Children kept loaded for pools to come. @defaultValue the smallest of `slots`, 2 and, where it is given, `minChildren` */
  spares?: number | undefined;
  /** Children that stay loaded when nothing runs; the others end when they have been idle for a while. @defaultValue `spares` */
  minChildren?: number | undefined;
  /** Most children at once, those that are idle too; at least `slots`. @defaultValue as many as slots, spares and idle ones */
  maxChildren?: number | undefined;
  /** A child that has been idle for so long ends, unless it is one of `minChildren`. @defaultValue 60_000 */
  maxChildIdle?: Milliseconds | undefined;
  /** A child of this age is replaced when its task has ended. @defaultValue none */
  maxChildAge?: Milliseconds | undefined;
  /**
   * A child process that uses more memory than this when a task has ended is replaced, megabytes of resident memory; on Linux.
   * @defaultValue none
   */
  maxChildMemory?: number | undefined;
  /** A child is replaced after so many tasks, unless its pool says another number. @defaultValue none */
  maxTasksPerChild?: number | undefined;
  /** How long finished tasks are kept, of pools and tasks that do not say it. @defaultValue what the namespace says */
  keep?: Keep | undefined;
  /** Print what tasks write to stdout and stderr. @defaultValue false */
  echo?: boolean | undefined;
  /** Where the log goes. @defaultValue lines on stderr */
  logger?: Logger | undefined;
  /** Lowest level of the log. @defaultValue "info" for a `logger` of yours, else "warn" */
  logLevel?: LogLevel | undefined;
  /** Form of the lines on stderr. @defaultValue "pretty" on a terminal, else "json" */
  logFormat?: LogFormat | undefined;
  /** Show the arguments of calls in the log: they may be secret. @defaultValue false */
  logArgs?: boolean | undefined;
  /**
   * Keep the last lines of the log in Redis, where `manyhands host logs` and the dashboard read them: 300 of them for an hour,
   * and 300 warnings and errors for a day.
   * @defaultValue true
   */
  keepLog?: boolean | undefined;
}

/** Options with every default filled in and task modules as URLs. */
export interface ResolvedOptions {
  modules: string[];
  redis: RedisConfig | undefined;
  watch: boolean;
  /** URL. */
  schedules: string | null;
  /** URL. */
  redisModule: string | null;
  waitForRedis: Milliseconds;
  /** Names or `file:` URLs. */
  import: string[];
  lockNodes: readonly RedisConfig[];
  namespace: string;
  slots: number;
  processes: number;
  labels: string[];
  isolation: Isolation;
  pools: string[] | null;
  name: string;
  grace: Milliseconds;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
  heartbeatInterval: Milliseconds;
  maxHeap: number | null;
  maxPayload: number;
  healthPort: number | null;
  healthAddress: string;
  spares: number;
  minChildren: number;
  maxChildren: number;
  maxChildIdle: Milliseconds;
  maxChildAge: Milliseconds;
  /** Bytes. */
  maxChildMemory: number;
  maxTasksPerChild: number;
  keep: Keep | undefined;
  echo: boolean;
  logger: HostLog;
  logArgs: boolean;
  keepLog: boolean;
}

/** Defaults of options. */
const LOCK_DURATION: Milliseconds = 8_000;
const STALLED_INTERVAL: Milliseconds = 2_000;
/** Longest time between two renewals or checks: a day, ms. */
const LONGEST_INTERVAL: Milliseconds = 86_400_000;

const WORKER_OPTIONS = optionsOf<WorkerOptions>({
  tasks: true,
  redis: true,
  redisModule: true,
  waitForRedis: true,
  watch: "boolean",
  schedules: true,
  import: "texts",
  lockNodes: true,
  namespace: true,
  slots: true,
  processes: true,
  labels: "texts",
  isolation: true,
  pools: true,
  name: true,
  grace: true,
  lockDuration: true,
  stalledInterval: true,
  heartbeatInterval: true,
  maxHeap: true,
  maxPayload: true,
  healthPort: true,
  healthAddress: "text",
  spares: true,
  minChildren: true,
  maxChildren: true,
  maxChildIdle: true,
  maxChildAge: true,
  maxChildMemory: true,
  maxTasksPerChild: true,
  keep: true,
  echo: "boolean",
  logger: true,
  logLevel: true,
  logFormat: true,
  logArgs: "boolean",
  keepLog: "boolean",
});

/**
 * Checks the options and fills in defaults.
 * @throws ValueError naming the option, what it got and what it takes
 */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedOptions {
  refuseEarlierNames(options);
  assertOptions("startWorker()", options, WORKER_OPTIONS);
  const name = text("name", options.name ?? `${hostname()}-${process.pid}`, /^\S.*$/);
  const slots = integer("slots", options.slots ?? availableParallelism(), 1);
  const lockDuration = interval("lockDuration", options.lockDuration ?? LOCK_DURATION, 500);
  return {
    modules: modules(options.tasks, options.isolation),
    redis: sendable("redis", options.redis),
    redisModule: redisModule(options),
    watch: watch(options),
    schedules: schedules(options.schedules),
    waitForRedis: interval("waitForRedis", options.waitForRedis ?? 0, 0),
    import: (options.import ?? []).map(importedModule),
    lockNodes: sendable("lockNodes", resolveLockNodes(options.lockNodes)),
    namespace: resolveNamespace(options.namespace),
    slots,
    processes: integer("processes", options.processes ?? 128, 0),
    labels: (options.labels ?? []).map((label) => text("labels", label, /^\S+$/)),
    isolation: isolation(options.isolation ?? "process"),
    pools: options.pools === undefined ? null : pools(options.pools),
    name,
    grace: integer("grace", options.grace ?? 10_000, 0),
    lockDuration,
    stalledInterval: interval("stalledInterval", options.stalledInterval ?? STALLED_INTERVAL, 100),
    heartbeatInterval: interval("heartbeatInterval", options.heartbeatInterval ?? 2_000, 50),
    maxHeap: options.maxHeap === undefined ? null : integer("maxHeap", options.maxHeap, 8),
    maxPayload: integer("maxPayload", options.maxPayload ?? 1_048_576, 1),
    healthPort: options.healthPort === undefined ? null : port(options.healthPort),
    healthAddress: options.healthAddress ?? "127.0.0.1",
    ...childLimits(options, slots),
    keep: checkedKeep(options.keep),
    echo: options.echo ?? false,
    logger: hostLog(options, name),
    logArgs: options.logArgs ?? false,
    keepLog: options.keepLog ?? true,
  };
}

function childLimits(options: WorkerOptions, slots: number): Pick<ResolvedOptions, ChildLimitName> {
  const {
    minChildren,
    maxChildren,
    maxChildIdle = DEFAULT_IDLE,
    maxChildAge,
    maxChildMemory,
    maxTasksPerChild,
  } = options;
  const min = minChildren === undefined ? undefined : integer("minChildren", minChildren, 0);
  const spares = integer("spares", options.spares ?? Math.min(slots, 2, min ?? 2), 0);
  if (min !== undefined && spares > min) {
    throw new ValueError(`minChildren must be at least spares, which is ${spares}; got ${min}`);
  }
  if (maxChildren !== undefined && integer("maxChildren", maxChildren, 1) < Math.max(slots, min ?? 0)) {
    throw new ValueError(
      `maxChildren must be at least slots and minChildren, which are ${slots} and ${min ?? spares}: each slot may need a ` +
        `child; got ${maxChildren}`,
    );
  }
  const orNone = (name: keyof WorkerOptions, given: number | undefined, least: number): number =>
    given === undefined ? Number.POSITIVE_INFINITY : integer(name, given, least);
  return {
    spares,
    minChildren: min ?? spares,
    maxChildren: maxChildren ?? Number.POSITIVE_INFINITY,
    maxChildIdle: interval("maxChildIdle", maxChildIdle, 100),
    maxChildAge: orNone("maxChildAge", maxChildAge, 1_000),
    maxChildMemory: orNone("maxChildMemory", maxChildMemory, 16) * 1_048_576,
    maxTasksPerChild: orNone("maxTasksPerChild", maxTasksPerChild, 1),
  };
}

type ChildLimitName =
  | "spares"
  | "minChildren"
  | "maxChildren"
  | "maxChildIdle"
  | "maxChildAge"
  | "maxChildMemory"
  | "maxTasksPerChild";

/** Options that had another name. */
const EARLIER_NAMES: Readonly<Record<string, keyof WorkerOptions>> = {
  echoOutput: "echo",
  maxHeapMegabytes: "maxHeap",
};

function refuseEarlierNames(options: object): void {
  for (const [name, now] of Object.entries(EARLIER_NAMES)) {
    if (!Object.hasOwn(Object(options) as object, name)) continue;
    throw new ValueError(`startWorker() has no option "${name}"; it is called ${now} now`);
  }
}

/** What children get must be data. @throws ValueError naming the first part that is not */
function sendable<Value>(option: string, value: Value): Value {
  try {
    structuredClone(value);
    return value;
  } catch {
    const place = placeOfFunction(value, option, new Set()) ?? option;
    throw new ValueError(
      `${place} cannot be sent to the children of the host, because it is not plain data; name a module with ` +
        "redisModule, whose default export is the options: the host and each child load it",
    );
  }
}

function placeOfFunction(value: unknown, place: string, seen: Set<unknown>): string | undefined {
  if (typeof value === "function" || typeof value === "symbol") return place;
  if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) return undefined;
  seen.add(value);
  for (const [name, part] of Object.entries(value)) {
    const found = placeOfFunction(part, Array.isArray(value) ? `${place}[${name}]` : `${place}.${name}`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function redisModule({ redis, redisModule: given }: WorkerOptions): string | null {
  if (given === undefined) return null;
  if (redis !== undefined) throw new ValueError("give redis or redisModule, not both");
  if (typeof given !== "string" && !(given instanceof URL)) {
    throw new ValueError(`redisModule must be a path or a file: URL; got ${describe(given)}`);
  }
  const url = moduleUrl(given);
  if (url.protocol === "file:" && !existsSync(fileURLToPath(url))) {
    throw new ValueError(`redisModule: there is no file ${fileURLToPath(url)}; give the path of a module`);
  }
  return url.href;
}

/** @throws ValueError where a path leads to no file, or a package is not installed */
function importedModule(given: string): string {
  if (given.startsWith("file:") || /^(?:[./\\]|[a-z]:[\\/])/i.test(given)) {
    const url = moduleUrl(given);
    if (existsSync(fileURLToPath(url))) return url.href;
    throw new ValueError(
      `import: there is no file ${fileURLToPath(url)}; give the path of a module, or a package's name`,
    );
  }
  if (/^(?:node|data):/.test(given)) return given;
  try {
    createRequire(pathToFileURL(resolve("host.js"))).resolve(given);
  } catch (error) {
    // A package without an entry for require() has another error.
    if (given.trim() === "" || (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") {
      throw new ValueError(
        `import: the package ${describe(given)} is not installed in ${process.cwd()}; run \`npm install ${given}\`, or give the path of a module`,
        { cause: error },
      );
    }
  }
  return given;
}

function watch({ watch: given = false, isolation: kind }: WorkerOptions): boolean {
  if (!given || kind !== "inline") return given;
  throw new ValueError(
    'watch replaces children, and tasks of the isolation "inline" run in the host itself; use "process" or "thread"',
  );
}

function schedules(given: string | URL | undefined): string | null {
  if (given === undefined) return null;
  if ((typeof given !== "string" || given === "") && !(given instanceof URL)) {
    throw new ValueError(`schedules must be the path or file: URL of a file of schedules; got ${describe(given)}`);
  }
  const url = moduleUrl(given);
  if (url.protocol !== "file:" || !existsSync(fileURLToPath(url))) {
    throw new ValueError(
      `schedules: there is no file ${url.protocol === "file:" ? fileURLToPath(url) : url.href}; give the path of a module with schedules`,
    );
  }
  return url.href;
}

function moduleUrl(given: string | URL): URL {
  return given instanceof URL || given.startsWith("file:") ? new URL(given) : pathToFileURL(resolve(given));
}

function hostLog({ logger, logLevel, logFormat }: WorkerOptions, host: string): HostLog {
  assertLogger(logger);
  const level = logLevel ?? (logger ? "info" : "warn");
  if (!LOG_LEVELS.includes(level)) {
    throw new ValueError(`logLevel must be one of ${LOG_LEVELS.join(", ")}; got ${describe(level)}`);
  }
  if (logFormat !== undefined && logFormat !== "pretty" && logFormat !== "json") {
    throw new ValueError(`logFormat must be "pretty" or "json"; got ${describe(logFormat)}`);
  }
  return new HostLog(logger ?? stderrLog({ host, level, format: logFormat }), level);
}

function checkedKeep(keep: Keep | undefined): Keep | undefined {
  checkKeep("startWorker()", keep);
  return keep;
}

function modules(given: (string | URL)[], kind: Isolation | undefined): string[] {
  if (Array.isArray(given) && given.length === 0 && kind === "inline") return [];
  if (!Array.isArray(given) || given.length === 0) {
    throw new ValueError(`tasks must name at least one module that defines tasks; got ${describe(given)}`);
  }
  return given.map((one) => {
    if (typeof one !== "string" && !(one instanceof URL)) {
      throw new ValueError(`tasks must be paths or file: URLs; got ${describe(one)}`);
    }
    const url = moduleUrl(one);
    if (url.protocol === "file:" && !existsSync(fileURLToPath(url))) {
      throw new ValueError(
        `tasks: there is no file ${fileURLToPath(url)}; give the path of a module that defines tasks`,
      );
    }
    return url.href;
  });
}

function isolation(given: Isolation): Isolation {
  if (given === "process" || given === "thread" || given === "inline") return given;
  throw new ValueError(`isolation must be "process", "thread" or "inline"; got ${describe(given)}`);
}

function pools(given: string[]): string[] {
  if (!Array.isArray(given) || given.length === 0 || !given.every((name) => typeof name === "string" && name !== "")) {
    throw new ValueError(
      `pools must be a list of at least one name; got ${describe(given)}; leave it out to serve all pools`,
    );
  }
  for (const name of given) assertPoolName(name);
  return [...new Set(given)];
}

function text(option: string, given: string, pattern: RegExp): string {
  if (typeof given === "string" && !given.isWellFormed()) {
    throw new ValueError(
      `${option} must be well-formed text; got ${describe(given)}, in which half of a character is missing`,
    );
  }
  if (typeof given === "string" && pattern.test(given)) return given;
  throw new ValueError(`${option} must be text that matches ${pattern}; got ${describe(given)}`);
}

function port(given: number): number {
  if (Number.isInteger(given) && given >= 0 && given <= 65_535) return given;
  throw new ValueError(`healthPort must be a port from 0 to 65535; got ${describe(given)}`);
}

/** @throws ValueError for a number of slots that a host cannot be given while it runs */
export function hostSlots(given: number): number {
  if (isSlots(given)) return given;
  throw new ValueError(`slots must be a whole number from 1 to ${MOST_SLOTS}; got ${describe(given)}`);
}

function integer(option: string, given: number, least: number): number {
  if (Number.isSafeInteger(given) && given >= least) return given;
  throw new ValueError(`${option} must be a whole number, at least ${least}; got ${describe(given)}`);
}

/** What a timer of Node keeps, also a few times it: a longer one would ring without pause. */
function interval(option: string, given: Milliseconds, least: Milliseconds): Milliseconds {
  if (integer(option, given, least) <= LONGEST_INTERVAL) return given;
  throw new ValueError(`${option} must be at most ${LONGEST_INTERVAL} ms; got ${describe(given)}`);
}

function describe(given: unknown): string {
  return typeof given === "string" ? JSON.stringify(given) : (JSON.stringify(given) ?? String(given));
}
