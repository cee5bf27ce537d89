import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import {
  assertRedisFit,
  assertRights,
  closeRedis,
  describeRedis,
  Inspector,
  Keys,
  type Milliseconds,
  openRedis,
  PoolRegistry,
  pause,
  type RedisClient,
  readTotals,
} from "@manyhands/core/internal";
import { PoolQueues } from "./bull-board/pool-queues.ts";
import { LiveFeed } from "./live/live-feed.ts";
import { type CreateDashboardOptions, type DashboardSettings, resolveMounting } from "./options.ts";
import { dashboardServer } from "./server.ts";
import { askRedis, REDIS_DEADLINE } from "./snapshot/ask-redis.ts";
import { readSnapshot } from "./snapshot/read-snapshot.ts";
import { SnapshotSource } from "./snapshot/snapshot-source.ts";
import { TotalsSource } from "./snapshot/totals-source.ts";
import { Redaction } from "./values/redaction.ts";
import { currentActor } from "./visitors/visitor.ts";

/** A dashboard inside of another server. */
export interface MountedDashboard {
  /** Where its pages are, without a slash at the end; "" at the root of the server. */
  readonly basePath: string;
  /**
   * Answers a request, of any server that knows `Request` and `Response`. Its path may begin with the base or be without it.
   * @param env - Of Hono on Node: `context.env`, which tells the address of the visitor.
   */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** The same for the servers of Node: `app.use("/ops/queues", dashboard.listener)` in Express. */
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** Ends open streams and its own connections to Redis, within a second also when Redis does not answer. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Longest wait of a request of the API for Redis: removing a pool waits for its hosts. */
const ACTION_DEADLINE: Milliseconds = 10_000;

/**
 * Makes the dashboard of a namespace for another server to serve. It connects by itself, and starts also while Redis is away:
 * its pages then say so.
 *
 * @example
 * const dashboard = createDashboard({ mp, basePath: "/ops/queues", access: { authorize: (request) => visitorOf(request) } });
 * app.use("/ops/queues", dashboard.listener);
 *
 * @throws ValueError an option is wrong, or nothing says who may use it
 */
export function createDashboard(options: CreateDashboardOptions): MountedDashboard {
  const settings = resolveMounting(options);
  const core = new DashboardCore(settings);
  const stop = (): Promise<void> => core.stop();
  return {
    basePath: settings.home.slice(0, -1),
    fetch: core.fetch,
    listener: core.listener,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The parts of a dashboard that need no server: connections, readers and routes. */
export class DashboardCore {
  readonly fetch: (request: Request, env?: unknown) => Promise<Response>;
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** @throws RedisUnfitError Redis cannot be reached or used */
  readonly check: () => Promise<void>;
  readonly #end: () => Promise<void>;
  #ended: Promise<void> | undefined;

  constructor(settings: DashboardSettings) {
    const { access, logger, redis } = settings;
    const client = openRedis(redis, { name: "manyhands-dashboard" });
    const stopping = new AbortController();
    const keys = new Keys(settings.namespace);
    const registry = new PoolRegistry(client, keys);
    const source = new SnapshotSource(() => askRedis(client, () => readSnapshot(client, keys)));
    const totals = new TotalsSource(() => askRedis(client, () => readTotals(client, keys)));
    const redaction = new Redaction(access.redact);
    const queues = new PoolQueues({
      client,
      keys,
      listPools: () => registry.list(),
      readOnly: access.readOnly,
      redaction,
    });
    const ask = <Answer>(request: () => Promise<Answer>): Promise<Answer> => askRedis(client, request, ACTION_DEADLINE);
    const audit = { actor: currentActor, logger };
    const inspector = new Inspector({ client, keys, during: ask, hidesArguments: redaction.isActive, audit });
    const openBlocking = () => openRedis(redis, { name: "manyhands-dashboard:changes", blocking: true });
    const feed = new LiveFeed({ open: (on) => inspector.changes({ ...on, openBlocking }), logger });
    const place = { client, keys, inspector, ask, feed, stopping: stopping.signal };
    const app = dashboardServer(settings, { client, place, source, totals, queues });
    const opened = firstWord(client);
    this.fetch = async (request, env) => {
      await opened;
      return app.fetch(request, env as object);
    };
    this.listener = nodeListener(this.fetch);
    this.check = async () => {
      await assertRedisFit(client, redis);
      await assertRights(client, describeRedis(redis), keys.prefix);
    };
    this.#end = async () => {
      stopping.abort();
      queues.stop();
      await feed.stop();
      await Promise.all([inspector.close(), closeRedis(client)]);
    };
  }

  stop(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }
}

/** Settles when the new connection has come about or failed, so that the first requests do not find none. */
async function firstWord(client: RedisClient): Promise<void> {
  if (client.status === "ready") return;
  const over = new AbortController();
  const events = ["ready", "close"].map((event) => once(client, event, { signal: over.signal }));
  await Promise.race([...events, pause(REDIS_DEADLINE, { signal: over.signal, ref: false })]).catch(() => {});
  over.abort();
  await Promise.allSettled(events);
}

/** What a server around ours may have done with a request. */
interface Handled {
  /** What a parser has made of the body that it has read. */
  body?: unknown;
  /** Read by the listener in place of the body. */
  rawBody?: Buffer;
}

function nodeListener(fetch: MountedDashboard["fetch"]): MountedDashboard["listener"] {
  // The classes Request and Response of the surrounding program stay as they are.
  const listen = getRequestListener(async (request, env) => fetch(ofTheProgram(request), env), {
    overrideGlobalObjects: false,
  });
  return (incoming: IncomingMessage & Handled, outgoing) => {
    if (incoming.rawBody === undefined && incoming.readableDidRead) restoreBody(incoming);
    void listen(incoming, outgoing);
  };
}

/** A Request of the class that the program has, which the library's is not, so that it can be copied. */
function ofTheProgram({ url, method, headers, body, signal }: Request): Request {
  return new Request(url, { method, headers, signal, ...(body && { body, duplex: "half" as const }) });
}

/** A parser such as express.json() has read the body: it is written once more. */
function restoreBody(incoming: IncomingMessage & Handled): void {
  const { body } = incoming;
  if (typeof body === "string" || body instanceof Uint8Array) incoming.rawBody = Buffer.from(body as string);
  else if (typeof body === "object" && body !== null) {
    const isForm = incoming.headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
    const text = isForm ? String(new URLSearchParams(body as Record<string, string>)) : JSON.stringify(body);
    incoming.rawBody = Buffer.from(text);
  }
}
