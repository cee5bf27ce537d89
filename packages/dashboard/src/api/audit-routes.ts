import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer, numberIn } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";
import { redisRoutes } from "./redis-routes.ts";

const tags = ["audit"];
const text = z.string().min(1).max(1_000).optional();
const time = numberIn(0, 8.64e15).optional();
const OUTCOMES = ["begun", "done", "refused", "failed"] as const;

export const AuditEntry = z
  .object({
    id: z.string(),
    at: z.number().openapi({ description: "When it began, epoch ms of the server." }),
    actor: z.object({
      name: z.string(),
      via: z.enum(["dashboard", "command", "host"]),
      role: z.string().nullable(),
      address: z.string().nullable(),
    }),
    action: z.string().openapi({ example: "pool.pause" }),
    kind: z.string().openapi({ description: "Of what was changed: task, tasks, pool, host, process, object." }),
    target: z.string().openapi({ description: "Its id or name; of many tasks, their query." }),
    details: z.string().nullable(),
    outcome: z.enum(OUTCOMES).openapi({
      description: "`begun`: it is under way, was broken off, or its program ended before it noted how it ended.",
    }),
    result: z.string().nullable().openapi({ description: "How it ended, in words." }),
  })
  .openapi("AuditEntry");

const find = createRoute({
  method: "get",
  path: "/audit",
  ...{ tags, summary: "Who changed what, the latest first" },
  request: {
    query: z.strictObject({
      who: text.openapi({ description: "Part of the name of who did it." }),
      what: text.openapi({ description: "An action, such as `task.cancel`, or its first part, `task`." }),
      target: text.openapi({ description: "Part of the id, name or query of what was changed." }),
      outcome: z.enum(OUTCOMES).optional(),
      since: time.openapi({ description: "Milliseconds since the epoch." }),
      until: time.openapi({ description: "Milliseconds since the epoch." }),
      limit: numberIn(1, 1_000).optional().openapi({ description: "Most entries of the page; 50 without it." }),
      cursor: text.openapi({ description: "`cursor` of the page before." }),
    }),
  },
  responses: {
    200: jsonAnswer(
      z
        .object({
          entries: z.array(AuditEntry),
          cursor: z.string().optional().openapi({ description: "Begins the next page; absent on the last one." }),
        })
        .openapi("AuditPage"),
      "The page.",
    ),
    ...PROBLEMS,
  },
});

/** `/audit`: who changed what; and `/redis`, where that and all else is kept. */
export function auditRoutes(place: ApiPlace): OpenAPIHono {
  const app = apiApp();
  app.openapi(find, async (context) => context.json(await place.inspector.audit.find(context.req.valid("query")), 200));
  app.route("/", redisRoutes(place));
  return app;
}
