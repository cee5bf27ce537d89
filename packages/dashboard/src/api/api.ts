import { sharing } from "../live/shared.ts";
import { SharedReads } from "../live/shared-reads.ts";
import { zipAnswers } from "../live/zip-answers.ts";
import { Redaction } from "../values/redaction.ts";
import type { TraceUrl } from "../values/trace-url.ts";
import type { AccessSettings } from "../visitors/access-options.ts";
import { apiApp } from "./api-app.ts";
import { API_PATH } from "./api-path.ts";
import type { ApiPlace } from "./api-place.ts";
import { auditRoutes } from "./audit-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { facetRoutes } from "./facet-routes.ts";
import { failureRoutes } from "./failure-routes.ts";
import { findRoutes } from "./find-routes.ts";
import { hostRoutes } from "./host-routes.ts";
import { objectRoutes } from "./object-routes.ts";
import type { OpenAPIHono } from "./open-api.ts";
import { overviewRoutes } from "./overview-routes.ts";
import { poolRoutes } from "./pool-routes.ts";
import { presentAnswers } from "./present-answers.ts";
import { problem } from "./problem.ts";
import { processRoutes } from "./process-routes.ts";
import { rateRoutes } from "./rate-routes.ts";
import { scheduleRoutes } from "./schedule-routes.ts";
import { taskPartRoutes } from "./task-part-routes.ts";
import { taskRoutes } from "./task-routes.ts";
import { visitorRoutes } from "./visitor-routes.ts";
import { workflowRoutes } from "./workflow-routes.ts";

export interface ApiSettings {
  version: string;
  access: AccessSettings;
  /** Where the dashboard is mounted, with a slash at the end. */
  home: string;
  traceUrl: TraceUrl;
}

/**
 * The JSON API. Its document, which is made from the schemas that check the requests, is at `/openapi.json`; errors are
 * problem documents.
 */
export function api(place: ApiPlace, settings: ApiSettings): OpenAPIHono {
  const app = apiApp();
  app.use(async (context, next) => {
    context.header("Cache-Control", "no-store");
    await next();
  });
  const redaction = new Redaction(settings.access.redact);
  app.use(zipAnswers());
  app.use(presentAnswers(redaction));
  app.use(sharing(new SharedReads(place.feed)));
  app.route("/", visitorRoutes(settings.access));
  app.route("/", eventRoutes(place, settings));
  app.route("/", findRoutes(place, redaction));
  app.route("/", facetRoutes(place));
  app.route("/", taskRoutes(place, { redaction, traceUrl: settings.traceUrl }));
  app.route("/", taskPartRoutes(place, redaction));
  app.route("/", poolRoutes(place));
  app.route("/", hostRoutes(place));
  app.route("/", processRoutes(place));
  app.route("/", objectRoutes(place, redaction));
  app.route("/", scheduleRoutes(place));
  app.route("/", workflowRoutes(place));
  app.route("/", auditRoutes(place));
  app.route("/", rateRoutes(place));
  app.route("/", failureRoutes(place));
  app.route("/", overviewRoutes(place));
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "manyhands",
      version: settings.version,
      description: "Looks at a namespace of manyhands and steers it.",
    },
    servers: [{ url: settings.home + API_PATH.slice(1) }],
    security: [{ bearer: [] }],
  });
  app.notFound((context) =>
    problem(
      context,
      404,
      `there is no ${context.req.method} ${context.req.path}; GET ${API_PATH}/openapi.json lists all`,
    ),
  );
  return app;
}
