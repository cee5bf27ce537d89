import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ManyhandsError } from "@manyhands/core";
import { DashboardCore } from "./create-dashboard.ts";
import { type DashboardOptions, type ListenSettings, resolveOptions } from "./options.ts";

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
  const core = new DashboardCore(settings);
  let server: Server;
  try {
    await core.check();
    server = await listen(settings, core.listener);
  } catch (error) {
    await core.stop();
    throw error;
  }

  const { port } = server.address() as AddressInfo;
  const origin = `http://${reachable(settings.host)}:${port}`;
  const stop = async (): Promise<void> => {
    const stopped = core.stop();
    const closed = new Promise((resolve) => server.close(resolve));
    // Streams and kept-alive connections would keep the server open.
    server.closeAllConnections();
    await Promise.all([closed, stopped]);
  };
  let stopped: Promise<void> | undefined;
  const { generatedToken } = settings.access;
  const stopOnce = () => (stopped ??= stop());
  return {
    url: `${origin}${settings.home}${generatedToken === null ? "" : `#token=${generatedToken}`}`,
    origin,
    port,
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

async function listen(settings: ListenSettings, listener: Parameters<typeof createServer>[1]): Promise<Server> {
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
