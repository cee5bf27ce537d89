import type { RedisClient } from "@manyhands/core/internal";
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import { authenticate } from "./access/authenticate.ts";
import { authorize } from "./access/authorize.ts";
import { limitBody } from "./access/limit-body.ts";
import { refusal } from "./access/refusal.ts";
import { refuseForeignHost } from "./access/refuse-foreign-host.ts";
import { refuseForeignOrigin } from "./access/refuse-foreign-origin.ts";
import { RefusedChanges } from "./access/refused-changes.ts";
import { securityHeaders } from "./access/security-headers.ts";
import { api } from "./api/api.ts";
import { API_PATH, isApiPath } from "./api/api-path.ts";
import type { ApiPlace } from "./api/api-place.ts";
import { problem, problemOf } from "./api/problem.ts";
import { auditBoard } from "./bull-board/audit-board.ts";
import { BULL_BOARD_PATH, bullBoard } from "./bull-board/bull-board.ts";
import type { PoolQueues } from "./bull-board/pool-queues.ts";
import { health } from "./monitoring/health.ts";
import { metricsText } from "./monitoring/metrics.ts";
import type { DashboardSettings } from "./options.ts";
import { assets } from "./pages/assets.ts";
import { SIGN_IN_PATH } from "./pages/sign-in-page.ts";
import type { SnapshotSource } from "./snapshot/snapshot-source.ts";
import type { TotalsSource } from "./snapshot/totals-source.ts";
import { version } from "./version.ts";
import { WebApp } from "./web/web-app.ts";

/** How old the figures of a scrape may be, so that many scrapers cost as much as one. */
const METRICS_MAX_AGE = 1_000;

/** Largest request bodies, bytes: of a visitor without the token, and of what Bull Board sends. */
const LARGEST_SIGN_IN = 8_192;
const LARGEST_BODY: number = 2 * 1024 * 1024;

export interface ServerParts {
  client: RedisClient;
  /** What the API asks. */
  place: ApiPlace;
  source: SnapshotSource;
  totals: TotalsSource;
  queues: PoolQueues;
}

/**
 * Puts the dashboard together. The order is that of trust: requests without a token first, then the check of the host name,
 * then who it is, then where the request comes from, then what the role allows.
 */
export function dashboardServer(settings: DashboardSettings, parts: ServerParts): Hono {
  const { client, place, source, totals, queues } = parts;
  const app = new Hono({ getPath: (request) => pathBelow(settings.home, getPath(request)) });
  app.use(securityHeaders(BULL_BOARD_PATH));
  app.route("/", health(client));
  const { home, hosts, access, logger } = settings;
  if (hosts !== null) app.use(refuseForeignHost(hosts));
  const webApp = new WebApp(home);
  app.route("/", assets());
  app.route("/", webApp.files());
  app.use(SIGN_IN_PATH, limitBody(LARGEST_SIGN_IN));
  app.route("/", authenticate({ access, logger, home }));
  app.use(limitBody(LARGEST_BODY));
  app.use(refuseForeignOrigin());
  app.use(authorize(access, new RefusedChanges(place.inspector.audit)));

  app.route(API_PATH, api(place, { version, access, home, traceUrl: settings.traceUrl }));
  app.route("/", webApp.pages());
  app.get("/metrics", async (context) => {
    const [view, fleet] = await Promise.all([source.view(METRICS_MAX_AGE), totals.view(METRICS_MAX_AGE)]);
    const text = await metricsText(view, fleet);
    return context.text(text, 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  // Bull Board's own links lead to the address with a slash, which is another one here.
  app.get(`${BULL_BOARD_PATH}/`, (context) => context.redirect(home + BULL_BOARD_PATH.slice(1)));
  app.use(`${BULL_BOARD_PATH}/*`, auditBoard(place.inspector));
  app.route(BULL_BOARD_PATH, bullBoard(queues, { title: settings.namespace, home }));

  app.notFound((context) => {
    const isVisit = context.req.method === "GET" && context.req.header("accept")?.includes("text/html") === true;
    const isOurs = !isApiPath(context.req.path) && !context.req.path.startsWith(BULL_BOARD_PATH);
    return isVisit && isOurs ? webApp.nowhere(context) : refusal(context, 404, "There is no such page.");
  });
  app.onError((error, context) => {
    const isAsked = isApiPath(context.req.path);
    if ("getResponse" in error) {
      return isAsked ? problem(context, 400, error.message || "the request cannot be read") : error.getResponse();
    }
    const refusal = isAsked ? problemOf(context, error) : null;
    if (refusal) return refusal;
    logger.error(`the dashboard failed to answer ${context.req.method} ${context.req.path}: ${error.stack ?? error}`);
    const apology = "The dashboard failed to answer; its log says why.";
    return isAsked ? problem(context, 500, apology) : context.text(`${apology}\n`, 500);
  });
  return app;
}

/**
 * The path inside of the dashboard. A server or a proxy before it may have taken the base off.
 * @param home - The base, with a slash at the end
 */
function pathBelow(home: string, path: string): string {
  if (`${path}/` === home) return "/";
  return path.startsWith(home) ? path.slice(home.length - 1) : path;
}
