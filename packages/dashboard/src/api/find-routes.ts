import type { TaskQuery, TaskSelection } from "@manyhands/core";
import { type BulkProgress, FIND_ORDERS, FIND_STATES, LARGEST_PAGE } from "@manyhands/core/internal";
import { ofPool, shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";
import { TaskRow } from "./schemas.ts";

const tags = ["tasks"];
/** A bulk action answers after about this long, and goes on with the next request, ms. */
const STEP = 5_000;

const time = numberIn(0, 8.64e15).openapi({ description: "Milliseconds since the epoch." });
const filterText = z.string().min(1).max(1_000);
const filters = {
  pool: filterText.optional(),
  state: z.enum(FIND_STATES).optional(),
  task: filterText.optional().openapi({ description: "Name of the task." }),
  host: filterText.optional().openapi({ description: "Name of a host, or the id of a live one." }),
  tag: filterText.optional(),
  error: filterText.optional().openapi({ description: "Part of the class or message of the last error." }),
  text: filterText.optional().openapi({ description: "Part of an id, a name, a tag, arguments or an error." }),
};
const Query = z.strictObject({ ...filters, since: time.optional(), until: time.optional() });
const epoch = z.number().optional().openapi({ description: "Milliseconds since the epoch." });
const Selection = z.strictObject({ ...filters, since: epoch, until: epoch }).openapi("TaskSelection");
const Refusal = z.object({ reason: z.string(), count: z.int(), ids: z.array(z.string()) });
const Bulk = z
  .object({
    id: z.string().openapi({ description: "Go on with it: `{ resume: id }`." }),
    done: z.int(),
    refused: z.int(),
    isFinished: z.boolean().openapi({ description: "false: there is more to do; send `{ resume: id }`." }),
    reasons: z.array(Refusal).openapi({ description: "Why tasks were left as they are, once it is finished." }),
  })
  .openapi("BulkAction");

const find = createRoute({
  method: "get",
  path: "/tasks",
  middleware: shared(ofPool),
  ...{ tags, summary: "A page of the tasks for which everything holds that is given" },
  request: {
    query: Query.extend({
      limit: numberIn(1, LARGEST_PAGE).optional().openapi({ description: "Most tasks of the page; 50 without it." }),
      cursor: filterText.optional().openapi({ description: "`cursor` of the page before." }),
      sort: z.enum(FIND_ORDERS).optional().openapi({ description: "`finished` is the order within one pool." }),
    }),
  },
  responses: {
    200: jsonAnswer(
      z
        .object({
          tasks: z.array(TaskRow),
          cursor: z.string().optional().openapi({ description: "Begins the next page; absent on the last one." }),
          partial: z.string().optional().openapi({ description: "What was not searched, in words." }),
        })
        .openapi("TaskPage"),
      "The page.",
    ),
    ...PROBLEMS,
  },
});

const count = createRoute({
  method: "get",
  path: "/task-count",
  middleware: shared(ofPool),
  ...{ tags, summary: "How many tasks a query means" },
  request: { query: Query },
  responses: { 200: jsonAnswer(z.object({ count: z.int() }), "The number."), ...PROBLEMS },
});

const bulk = createRoute({
  method: "post",
  path: "/task-actions/{action}",
  ...{ tags, summary: "Do something to all tasks of a query, or go on with it" },
  request: {
    params: z.object({
      action: z.enum(["cancel", "retry", "promote", "remove"]).openapi({ param: { name: "action", in: "path" } }),
    }),
    body: jsonBody(
      z
        .strictObject({
          query: Selection.optional(),
          reason: z.string().max(1_000).optional().openapi({ description: "Of a cancellation." }),
          resume: z.string().min(1).optional().openapi({ description: "Id of an action that is not finished." }),
        })
        .refine(({ query, resume }) => (query === undefined) !== (resume === undefined), "give either query or resume"),
    ),
  },
  responses: {
    200: jsonAnswer(Bulk, "It is finished."),
    202: jsonAnswer(Bulk, "There is more to do, and nothing goes on by itself: send `{ resume: id }`."),
    ...PROBLEMS,
  },
});

/** `/tasks` by a query: a page of them, how many, and what is to be done to all of them. */
export function findRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { tasks } = inspector;

  app.openapi(find, async (context) => {
    const query: TaskQuery = context.req.valid("query");
    return context.json(await tasks.find(query), 200);
  });

  app.openapi(count, async (context) => {
    const query: TaskSelection = context.req.valid("query");
    return context.json({ count: await tasks.count(query, { signal: context.req.raw.signal }) }, 200);
  });

  app.openapi(bulk, async (context) => {
    const { action } = context.req.valid("param");
    const body = context.req.valid("json");
    const limit = AbortSignal.timeout(STEP);
    let progress: BulkProgress | undefined;
    const options = {
      signal: AbortSignal.any([limit, context.req.raw.signal]),
      onProgress: (now: BulkProgress) => {
        progress = now;
      },
      ...(body.resume !== undefined && { resume: body.resume }),
      ...(body.reason !== undefined && action === "cancel" && { reason: body.reason }),
    };
    const query: TaskSelection = body.query ?? {};
    try {
      const outcome = await tasks[action](query, options);
      return context.json({ ...outcome, isFinished: true }, 200);
    } catch (error) {
      if (!limit.aborted || progress === undefined) throw error;
      return context.json({ ...progress, isFinished: false, reasons: [] }, 202);
    }
  });

  return app;
}
