import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { assertOptions, optionsOf } from "../checks/index.ts";
import { connect } from "../context/connect.ts";
import type { Context } from "../context/context.ts";
import { got, plural, TimeoutError, ValueError } from "../errors/index.ts";
import type { PoolView } from "../inspection/work/index.ts";
import type { Logger } from "../package/index.ts";
import { closeRedis, openRedis, type RedisClient, resolveRedis } from "../redis/connection/index.ts";
import { Keys } from "../redis/keys.ts";
import { startRedisServer } from "../redis/server/index.ts";
import { type Milliseconds, pause } from "../time/index.ts";
import type { Isolation } from "../wire/records/index.ts";
import { ScheduleTimes } from "./schedule-times.ts";
import { TestClock } from "./test-clock.ts";
import { type AnyStartWorker, loadStartWorker, type StoppableWorker } from "./worker-package.ts";

export interface TestHostOptions {
  /**
   * URL of a Redis that is there already, for example one that a global setup has started for all test files.
   * @defaultValue a private one, which ends with this host
   */
  redis?: string | undefined;
  /** @defaultValue one that no other test has */
  namespace?: string | undefined;
  /**
   * Task modules, for children of their own. Without any, the host runs the tasks that the test's program has defined, with
   * its mocks, in the test's process.
   * @defaultValue none
   */
  tasks?: (string | URL)[] | undefined;
  /** Where tasks run. Other kinds than "inline" need `tasks`. @defaultValue "inline" */
  isolation?: Isolation | undefined;
  /** Tasks at once. @defaultValue 4 */
  slots?: number | undefined;
  /** Of the context and the host. @defaultValue errors of the host, and warnings of the context, on stderr */
  logger?: Logger | undefined;
  /** `startWorker` of @manyhands/worker, where it cannot be found from the working directory. */
  startWorker?: AnyStartWorker | undefined;
}

/** A context and a host for it, in the process of a test. */
export interface TestHost extends AsyncDisposable {
  /** The context with which the test submits. */
  readonly mp: Context;
  /** URL of its Redis. */
  readonly redis: string;
  readonly namespace: string;
  /** Brings delayed tasks and due times of schedules forward. */
  readonly clock: TestClock;
  /**
   * Resolves when no task of any pool waits or runs. Delayed ones, also those that are to be tried again later, stay:
   * {@link TestClock.advance} runs them.
   *
   * @param options - `timeout` in ms; 10 000 by default
   * @throws TimeoutError that says what is left
   */
  drain(options?: { timeout?: Milliseconds | undefined }): Promise<void>;
  /** Ends the host with what it runs, the context, and the Redis that was started for it; a given Redis is tidied. */
  close(): Promise<void>;
}

const OPTIONS = optionsOf<TestHostOptions>({
  redis: "text",
  namespace: "text",
  tasks: true,
  isolation: "text",
  slots: "count",
  logger: true,
  startWorker: "function",
});
const DRAIN_OPTIONS = optionsOf<{ timeout?: Milliseconds | undefined }>({ timeout: true });

/** How long `drain` waits unless it is told, ms. */
const DRAIN_TIMEOUT: Milliseconds = 10_000;
/** Time between two looks of `drain`, ms. */
const LOOK_PAUSE: Milliseconds = 5;
/** Looks in a row that must find nothing: what was called without being awaited is on its way to Redis. */
const CALM_LOOKS = 2;

/**
 * Starts what a test needs: a private Redis, a host in the test's process, and a context.
 *
 * ```ts
 * await using host = await startTestHost();
 * await host.mp.submit(resize, ["a.png"]);
 * await host.drain();
 * ```
 *
 * @throws ValueError for a bad option
 * @throws ManyhandsError where the package @manyhands/worker is not installed
 * @throws RedisUnfitError where no Redis can be started, or the given one cannot be used
 */
export async function startTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  assertOptions("startTestHost()", options, OPTIONS);
  const { tasks = [], isolation = "inline", slots = 4, logger } = options;
  if (tasks.length === 0 && isolation !== "inline") {
    throw new ValueError(
      `startTestHost() needs task modules for the isolation ${got(isolation)}: give tasks: [new URL("./tasks.ts", import.meta.url)]`,
    );
  }
  if (options.redis !== undefined) resolveRedis(options.redis);
  const startWorker = options.startWorker ?? (await loadStartWorker());
  const server = options.redis === undefined ? await startRedisServer({ appendOnly: false }) : undefined;
  const redis = options.redis ?? server?.url ?? "";
  const namespace = options.namespace ?? `test-${randomBytes(6).toString("hex")}`;
  const parts: Parts = { redis, namespace, stopServer: server && (() => server.stop()) };
  try {
    parts.mp = await connect({ redis, namespace, logger });
    const given = { redis, namespace, tasks, isolation, slots, logger, ...HOST_OPTIONS };
    // What fails is told by results; a test that means it should not fill the screen.
    Object.assign(given, logger === undefined ? { logLevel: "error" } : {});
    parts.host = await startWorker({ ...given, processes: tasks.length === 0 ? 0 : slots } as never);
    return new StartedTestHost(parts as Required<Parts>, options.namespace === undefined);
  } catch (error) {
    await end(parts);
    throw error;
  }
}

/** The spares would wait for tasks that may never come; a task that a test defines late is known soon. */
const HOST_OPTIONS = { spares: 0, heartbeatInterval: 100 };

interface Parts {
  redis: string;
  namespace: string;
  stopServer: (() => Promise<void>) | undefined;
  mp?: Context;
  host?: StoppableWorker;
}

class StartedTestHost implements TestHost {
  readonly mp: Context;
  readonly redis: string;
  readonly namespace: string;
  readonly clock: TestClock;
  readonly #parts: Parts;
  readonly #client: RedisClient;
  readonly #isOwnNamespace: boolean;
  readonly #schedules: ScheduleTimes;
  #closing: Promise<void> | undefined;

  constructor(parts: Required<Pick<Parts, "mp">> & Parts, isOwnNamespace: boolean) {
    const { mp, redis, namespace } = parts;
    this.mp = mp;
    this.redis = redis;
    this.namespace = namespace;
    this.#parts = parts;
    this.#isOwnNamespace = isOwnNamespace;
    this.#client = openRedis(redis, { name: "manyhands:test" });
    this.#schedules = new ScheduleTimes({ client: this.#client, keys: new Keys(namespace) });
    this.clock = new TestClock({
      client: this.#client,
      keys: new Keys(namespace),
      pools: async () => (await mp.pools.list()).map(({ name }) => name),
      promote: (id, pool) => mp.tasks.promote(id, { pool }),
      drain: () => this.drain(),
      schedules: this.#schedules,
    });
  }

  async drain(options: { timeout?: Milliseconds | undefined } = {}): Promise<void> {
    assertOptions("drain()", options, DRAIN_OPTIONS);
    const timeout = options.timeout ?? DRAIN_TIMEOUT;
    if (typeof timeout !== "number" || !(timeout >= 0)) {
      throw new ValueError(`drain() takes a timeout in milliseconds from 0; got ${got(timeout)}`);
    }
    const deadline = performance.now() + timeout;
    // Calls of this turn are sent together at its end.
    await setImmediate();
    for (let calm = 0; calm < CALM_LOOKS; ) {
      const left = (await this.mp.pools.list()).filter(isAtWork);
      calm = left.length === 0 ? calm + 1 : 0;
      if (left.length > 0 && performance.now() >= deadline) throw new TimeoutError(describeRest(left, timeout));
      await pause(LOOK_PAUSE);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { stopServer, ...rest } = this.#parts;
    await end({ ...rest, stopServer: undefined });
    if (!stopServer && this.#isOwnNamespace) await removeKeys(this.#client, this.namespace);
    await this.#schedules.close();
    await closeRedis(this.#client);
    await stopServer?.();
  }
}

/** Also what was started of them when a start has failed. */
async function end({ mp, host, stopServer }: Parts): Promise<void> {
  // The host first: it ends what runs, so that the context waits for nothing.
  await host?.stop({ grace: 0 });
  await mp?.close();
  await stopServer?.();
}

function isAtWork({ waiting, prioritized, active }: PoolView): boolean {
  return waiting + prioritized + active > 0;
}

function describeRest(pools: readonly PoolView[], timeout: Milliseconds): string {
  const rest = pools.map(({ name, waiting, prioritized, active, paused }) => {
    const state = paused ? ", and it is paused" : "";
    return `pool "${name}" has ${plural(waiting + prioritized, "waiting task")} and ${active} running${state}`;
  });
  return (
    `drain() waited ${timeout} ms and there is work left: ${rest.join("; ")}; a task that waits needs a host that knows ` +
    "it: import the module that defines it before, or give it as tasks"
  );
}

async function removeKeys(client: RedisClient, namespace: string): Promise<void> {
  let cursor = "0";
  do {
    const [next, keys] = await (client as Scanner).scan(cursor, "MATCH", `{${namespace}}*`, "COUNT", 1_000);
    if (keys.length > 0) await client.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
}

interface Scanner {
  scan(cursor: string, match: "MATCH", pattern: string, count: "COUNT", size: number): Promise<[string, string[]]>;
}
