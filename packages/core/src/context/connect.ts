import type { Telemetry } from "bullmq";
import { assertLogger, assertOptions, optionsOf } from "../checks/index.ts";
import { got, ManyhandsError, ValueError } from "../errors/index.ts";
import { environmentSetting, type Logger, stderrLogger } from "../package/index.ts";
import { DEFAULT_CONNECT_TIMEOUT } from "../redis/connection/fitness.ts";
import { resolveLockNodes } from "../redis/connection/lock-nodes.ts";
import type { RedisConfig } from "../redis/connection/redis-config.ts";
import { DEFAULT_LEASE, MAX_LEASE } from "../session/lease.ts";
import { isLoadingTasks } from "../tasks/loading.ts";
import { listTasks } from "../tasks/task-registry.ts";
import type { Milliseconds } from "../time/index.ts";
import { TRACE_MODES, type TraceMode } from "../tracing/index.ts";
import { checkKeep, type Keep } from "../wire/records/keep.ts";
import { DEFAULT_MAX_PAYLOAD } from "../work/submission/payload-size.ts";
import type { Context, ContextSettings } from "./context.ts";

/** Options of {@link connect}. */
export interface ConnectOptions {
  /**
   * Where Redis is.
   * @defaultValue `MANYHANDS_REDIS_URL`, then `REDIS_URL`, then redis://127.0.0.1:6379
   */
  redis?: RedisConfig | undefined;
  /**
   * 3 or 5 independent Redis masters that vote on locks, so that a lock outlives the failure of any minority of them.
   * Programs that share locks must name the same ones.
   * @defaultValue `MANYHANDS_LOCK_NODES` (URLs with commas between), then none: locks are on the one Redis
   */
  lockNodes?: readonly RedisConfig[] | undefined;
  /**
   * Everything lives under this name; two namespaces never meet. 1 to 100 letters, digits or `_ . -`.
   * @defaultValue `MANYHANDS_NAMESPACE`, then "manyhands"
   */
  namespace?: string | undefined;
  /**
   * How long what this program owns outlives it when it dies, whole ms from 1 000 to 2 000 000 000.
   * @defaultValue 30 000
   */
  lease?: Milliseconds | undefined;
  /**
   * Largest encoded argument list or result of one call, bytes.
   * @defaultValue 1 048 576
   */
  maxPayload?: number | undefined;
  /**
   * How long connect() waits for the first answer of Redis, ms, at most a day. A machine with little time left needs more.
   * @defaultValue 20 000
   */
  connectTimeout?: Milliseconds | undefined;
  /**
   * How long the namespace keeps finished tasks, where neither their task, nor their pool, nor their host says it. Stored in
   * Redis, for all programs and hosts, until another program says something else.
   * @defaultValue what was said last; at first completed ones 1 day and 10 000 of a pool, failed ones 30 days and 10 000
   */
  keep?: Keep | undefined;
  /** @defaultValue warnings and errors on stderr */
  logger?: Logger | undefined;
  /** Telemetry of BullMQ, such as `new BullMQOtel(...)` of the package bullmq-otel. */
  telemetry?: Telemetry | undefined;
  /**
   * What becomes of the traces of this program where its tasks run, when it has registered an SDK of OpenTelemetry. "continue":
   * the host goes on with the same trace; "link": it begins one for each job, with a link to the program's; "off": submissions
   * are not traced. Without an effect beside `telemetry`.
   * @defaultValue "continue"
   */
  traces?: TraceMode | undefined;
}

/** Longest time in which a first answer is waited for: a day, ms. */
const LONGEST_CONNECT: Milliseconds = 86_400_000;

const CONNECT_OPTIONS = optionsOf<ConnectOptions>({
  redis: true,
  lockNodes: true,
  namespace: true,
  lease: true,
  maxPayload: true,
  connectTimeout: true,
  keep: true,
  logger: true,
  telemetry: true,
  traces: true,
});

export const DEFAULT_NAMESPACE = "manyhands";

/**
 * Connects this program; by convention the result is called `mp`.
 *
 * ```ts
 * await using mp = await connect();
 * ```
 *
 * @throws ValueError for a bad option
 * @throws RedisUnfitError when Redis cannot be reached, refuses the password, is too old or may evict keys
 * @throws ManyhandsError while a worker host is loading this file as a task module (P22)
 */
export async function connect(options: ConnectOptions = {}): Promise<Context> {
  if (isLoadingTasks()) {
    throw new ManyhandsError(
      "connect() was called while a worker host was loading this file for its tasks; run the program's own code only in " +
        "the main module: if (import.meta.main) { … }",
    );
  }
  assertOptions("connect()", options, CONNECT_OPTIONS);
  const settings = toSettings(options);
  announceModules();
  // Loaded late, so that a child that only defines tasks does not load the Redis clients.
  const { Context } = await import("./context.ts");
  return Context.open(settings);
}

/** Checks the options and fills in the defaults. @throws ValueError for a bad option */
export function toSettings(options: ConnectOptions): ContextSettings {
  assertLogger(options.logger);
  checkKeep("connect()", options.keep);
  return {
    keep: options.keep,
    redis: options.redis,
    lockNodes: resolveLockNodes(options.lockNodes),
    namespace: resolveNamespace(options.namespace),
    lease: checkLease(options.lease ?? DEFAULT_LEASE),
    maxPayload: checkNumber("maxPayload", options.maxPayload ?? DEFAULT_MAX_PAYLOAD, 1_024),
    connectTimeout: checkConnectTimeout(options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT),
    logger: options.logger ?? stderrLogger,
    telemetry: checkTelemetry(options.telemetry),
    traces: options.telemetry === undefined ? checkTraces(options.traces) : "off",
  };
}

/**
 * The namespace of a program, a worker host or a dashboard: the given one, then `MANYHANDS_NAMESPACE`, then "manyhands".
 * @throws ValueError for a name that could not stand in a key
 */
export function resolveNamespace(given: string | undefined): string {
  return checkNamespace(given ?? environmentSetting("MANYHANDS_NAMESPACE") ?? DEFAULT_NAMESPACE);
}

function checkNamespace(namespace: unknown): string {
  if (typeof namespace === "string" && /^[A-Za-z0-9_.-]{1,100}$/.test(namespace)) return namespace;
  throw new ValueError(`a namespace is 1 to 100 letters, digits or _ . - ; got ${got(namespace)}`);
}

function checkTraces(traces: unknown): TraceMode {
  const mode = TRACE_MODES.find((one) => one === (traces ?? "continue"));
  if (mode) return mode;
  throw new ValueError(`traces must be one of ${TRACE_MODES.join(", ")}; got ${got(traces)}`);
}

function checkTelemetry(telemetry: Telemetry | undefined): Telemetry | undefined {
  if (telemetry === undefined || typeof (telemetry as Partial<Telemetry> | null)?.tracer === "object") return telemetry;
  throw new ValueError(
    `telemetry must be one of BullMQ, such as new BullMQOtel(…) of bullmq-otel; got ${got(telemetry)}`,
  );
}

function checkLease(value: unknown): Milliseconds {
  const lease = checkNumber("lease", value, 1_000);
  if (Number.isInteger(lease) && lease <= MAX_LEASE) return lease;
  throw new ValueError(`lease must be a whole number of milliseconds, at most ${MAX_LEASE}; got ${got(lease)}`);
}

function checkConnectTimeout(value: unknown): Milliseconds {
  const timeout = checkNumber("connectTimeout", value, 1);
  if (timeout <= LONGEST_CONNECT) return timeout;
  throw new ValueError(`connectTimeout must be at most ${LONGEST_CONNECT} ms; got ${got(timeout)}`);
}

function checkNumber(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= least) return value;
  throw new ValueError(`${name} must be a number from ${least}; got ${got(value)}`);
}

/** `manyhands run` starts a worker for the modules in which a script defines its tasks. */
function announceModules(): void {
  if (process.env["MANYHANDS_RUN"] !== "1" || !process.send) return;
  process.send({ type: "manyhands:modules", modules: [...new Set(listTasks().map((task) => task.module))] });
  process.channel?.unref();
}
