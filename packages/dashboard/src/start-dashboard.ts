import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { ManyhandsError } from "@manyhands/core";
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
  readTotals,
} from "@manyhands/core/internal";
import { PoolQueues } from "./bull-board/pool-queues.ts";
import { LiveFeed } from "./live/live-feed.ts";
import { type DashboardOptions, type DashboardSettings, resolveOptions } from "./options.ts";
import { dashboardServer } from "./server.ts";
import { askRedis } from "./snapshot/ask-redis.ts";
import { readSnapshot } from "./snapshot/read-snapshot.ts";
import { SnapshotSource } from "./snapshot/snapshot-source.ts";
import { TotalsSource } from "./snapshot/totals-source.ts";
import { Redaction } from "./values/redaction.ts";

/** A running dashboard. */
export interface Dashboard {
  /** What to open in a browser; a token that was made for this run is behind its #, which browsers send to no server. */
  readonly url: string;
  /** The same without a path and token, for health checks and scrapers. */
  readonly origin: string;
  readonly port: number;
  /** Stops listening, ends open streams and closes the connections to Redis, within a second also when Redis does not answer. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Longest wait of a request of the API for Redis: removing a pool waits for its hosts. */
const ACTION_DEADLINE: Milliseconds = 10_000;

/**
 * Serves the dashboard of a namespace: the overview at `/`, Bull Board at `/bull-board`, `/metrics`, `/healthz`,
 * `/readyz`.
 *
 * @example
 * await using dashboard = await startDashboard({ port: 3000 });
 * console.log(dashboard.url);
 *
 * @throws ValueError an option is wrong, or an address other than loopback has no token
 * @throws RedisUnfitError Redis cannot be reached or used; later outages only show on the pages
 * @throws ManyhandsError the address cannot be listened on
 */
export async function startDashboard(options: DashboardOptions = {}): Promise<Dashboard> {
  const settings = resolveOptions(options);
  const client = openRedis(settings.redis, { name: "manyhands-dashboard" });
  const stopping = new AbortController();
  const keys = new Keys(settings.namespace);
  const registry = new PoolRegistry(client, keys);
  const source = new SnapshotSource(() => askRedis(client, () => readSnapshot(client, keys)), settings.logger);
  const totals = new TotalsSource(() => askRedis(client, () => readTotals(client, keys)));
  const redaction = new Redaction(settings.access.redact);
  const queues = new PoolQueues({
    client,
    keys,
    listPools: () => registry.list(),
    readOnly: settings.access.readOnly,
    redaction,
  });
  const ask = <Answer>(request: () => Promise<Answer>): Promise<Answer> => askRedis(client, request, ACTION_DEADLINE);
  const inspector = new Inspector({ client, keys, during: ask, hidesArguments: redaction.isActive });
  const openBlocking = () => openRedis(settings.redis, { name: "manyhands-dashboard:changes", blocking: true });
  const feed = new LiveFeed({
    open: (on) => inspector.changes({ ...on, openBlocking }),
    logger: settings.logger,
  });
  let server: Server;
  try {
    await assertRedisFit(client, settings.redis);
    await assertRights(client, describeRedis(settings.redis), keys.prefix);
    const parts = {
      client,
      place: { client, keys, inspector, ask, feed, stopping: stopping.signal },
      source,
      totals,
      queues,
      stopping: stopping.signal,
    };
    const app = dashboardServer(settings, parts);
    server = await listen(settings, getRequestListener(app.fetch));
  } catch (error) {
    queues.stop();
    await closeRedis(client);
    throw error;
  }

  const { port } = server.address() as AddressInfo;
  const origin = `http://${reachable(settings.host)}:${port}`;
  const stop = async (): Promise<void> => {
    stopping.abort();
    source.stop();
    queues.stop();
    const closed = new Promise((resolve) => server.close(resolve));
    // Streams and kept-alive connections would keep the server open.
    server.closeAllConnections();
    await feed.stop();
    await Promise.all([closed, inspector.close(), closeRedis(client)]);
  };
  let stopped: Promise<void> | undefined;
  const { generatedToken } = settings.access;
  const stopOnce = () => (stopped ??= stop());
  return {
    url: generatedToken === null ? `${origin}/` : `${origin}/#token=${generatedToken}`,
    origin,
    port,
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

async function listen(settings: DashboardSettings, listener: Parameters<typeof createServer>[1]): Promise<Server> {
  const { host, port } = settings;
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === "EADDRINUSE"
          ? "another program has it; choose another port, or 0 for a free one"
          : error.message;
      reject(new ManyhandsError(`the dashboard cannot listen on ${host}:${port}: ${advice}`, { cause: error }));
    });
    server.listen(port, host.replace(/^\[|\]$/g, ""), resolve);
  });
  return server;
}

/** A wildcard address is none that a browser can open. */
function reachable(host: string): string {
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "0.0.0.0" || bare === "::") return "127.0.0.1";
  return bare.includes(":") ? `[${bare}]` : bare;
}
