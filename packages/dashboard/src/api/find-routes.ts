import type { TaskQuery, TaskSelection } from "@manyhands/core";
import { type BulkProgress, FIND_ORDERS, FIND_STATES, LARGEST_PAGE } from "@manyhands/core/internal";
import { ofPool, shared } from "../live/shared.ts";
import type { Redaction } from "../values/redaction.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { flag, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { previewOf } from "./preview.ts";
import { PROBLEMS } from "./problem.ts";
import { BulkAction, TaskRow } from "./schemas.ts";

const tags = ["tasks"];
const ACTIONS = ["cancel", "retry", "promote", "remove", "change"] as const;
/** Tasks of a page with details. */
const DETAILED_PAGE = 50;
const LARGEST_DETAILED_PAGE = 200;
/** A bulk action answers after about this long, and goes on with the next request, ms. */
const STEP = 5_000;

const time = numberIn(0, 8.64e15).openapi({ description: "Milliseconds since the epoch." });
const filterText = z.string().min(1).max(1_000);
const states = z.array(z.enum(FIND_STATES)).min(1);
const filters = {
  pool: filterText.optional(),
  state: z
    .union([filterText.transform((text) => text.split(",")).pipe(states), states], {
      error: ({ input }) =>
        `must be one or more of ${FIND_STATES.join(", ")}; got ${JSON.stringify(input)?.slice(0, 100)}`,
    })
    .optional()
    .openapi({ description: `One state, or several with commas between: ${FIND_STATES.join(", ")}.` }),
  task: filterText.optional().openapi({ description: "Name of the task." }),
  host: filterText.optional().openapi({ description: "Name of a host, or the id of a live one." }),
  tag: filterText.optional(),
  workflow: filterText.optional().openapi({ description: "Steps of the workflow of this id." }),
  error: filterText.optional().openapi({ description: "Part of the class or message of the last error." }),
  text: filterText.optional().openapi({ description: "Part of an id, a name, a tag, arguments or an error." }),
};
const Query = z.strictObject({ ...filters, since: time.optional(), until: time.optional() });
const epoch = z.number().optional().openapi({ description: "Milliseconds since the epoch." });
const Selection = z.strictObject({ ...filters, since: epoch, until: epoch }).openapi("TaskSelection");
const find = createRoute({
  method: "get",
  path: "/tasks",
  middleware: shared(ofPool),
  ...{ tags, summary: "A page of the tasks for which everything holds that is given" },
  request: {
    query: Query.extend({
      limit: numberIn(1, LARGEST_PAGE).optional().openapi({ description: "Most tasks of the page; 50 without it." }),
      cursor: filterText.optional().openapi({ description: "`cursor` of the page before." }),
      details: flag.optional().openapi({ description: "More of each task, for a list; pages have at most 200 then." }),
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
  request: {
    query: Query.extend({
      for: z.enum(ACTIONS).optional().openapi({ description: "Count what this action can be done to." }),
    }),
  },
  responses: {
    200: jsonAnswer(
      z.object({
        count: z.int(),
        running: z.int().optional().openapi({ description: "With `for`: how many of them run." }),
        all: z.int().optional().openapi({ description: "With `for`: all that the query means." }),
      }),
      "The number.",
    ),
    ...PROBLEMS,
  },
});

const bulk = createRoute({
  method: "post",
  path: "/task-actions/{action}",
  ...{ tags, summary: "Do something to all tasks of a query, or go on with it" },
  request: {
    params: z.object({
      action: z.enum(ACTIONS).openapi({ param: { name: "action", in: "path" } }),
    }),
    body: jsonBody(
      z
        .strictObject({
          query: Selection.optional(),
          reason: z.string().max(1_000).optional().openapi({ description: "Of a cancellation." }),
          change: z
            .strictObject({ priority: z.int().min(0).max(2_097_151).optional(), delay: z.number().min(0).optional() })
            .optional()
            .openapi({ description: "Of the action `change`: what is changed of each; delay: ms from now." }),
          resume: z.string().min(1).optional().openapi({ description: "Id of an action that is not finished." }),
          step: z.int().min(100).max(STEP).optional().openapi({
            description: "Answer after about so many ms, to tell how far it is; 5 000 without it.",
          }),
        })
        .refine(({ query, resume }) => (query === undefined) !== (resume === undefined), "give either query or resume"),
    ),
  },
  responses: {
    200: jsonAnswer(BulkAction, "It is finished."),
    202: jsonAnswer(BulkAction, "There is more to do, and nothing goes on by itself: send `{ resume: id }`."),
    ...PROBLEMS,
  },
});

/** `/tasks` by a query: a page of them, how many, and what is to be done to all of them. */
export function findRoutes({ inspector }: ApiPlace, redaction: Redaction): OpenAPIHono {
  const app = apiApp();
  const { tasks } = inspector;

  app.openapi(find, async (context) => {
    const { details: isDetailed, ...query }: TaskQuery & { details?: boolean | undefined } = context.req.valid("query");
    if (!isDetailed) return context.json(await tasks.find(query), 200);
    const page = await tasks.find({ ...query, limit: Math.min(query.limit ?? DETAILED_PAGE, LARGEST_DETAILED_PAGE) });
    const details = await tasks.details(page.tasks);
    const rows = page.tasks.map((task, index) => {
      const { args, ...more } = details[index] ?? { args: undefined };
      return { ...task, ...more, args: previewOf(args, redaction) };
    });
    return context.json({ ...page, tasks: rows }, 200);
  });

  app.openapi(count, async (context) => {
    const { for: action, ...query } = context.req.valid("query");
    const { signal } = context.req.raw;
    if (action === undefined) return context.json({ count: await tasks.count(query, { signal }) }, 200);
    const mayRun = action === "cancel" && (query.state?.includes("active") ?? true);
    const [meant, all, running] = await Promise.all([
      tasks.countFor(action, query),
      tasks.count(query, { signal }),
      mayRun ? tasks.count({ ...query, state: "active" }, { signal }) : 0,
    ]);
    return context.json({ count: meant, running, all }, 200);
  });

  app.openapi(bulk, async (context) => {
    const { action } = context.req.valid("param");
    const body = context.req.valid("json");
    const endsAt = performance.now() + (body.step ?? STEP);
    const limit = new AbortController();
    let progress: BulkProgress | undefined;
    const options = {
      signal: AbortSignal.any([limit.signal, context.req.raw.signal]),
      // It ends behind a step that was noted: what has no id yet could not be resumed.
      onProgress: (now: BulkProgress) => {
        progress = now;
        if (performance.now() >= endsAt) limit.abort();
      },
      ...(body.resume !== undefined && { resume: body.resume }),
      ...(body.reason !== undefined && action === "cancel" && { reason: body.reason }),
    };
    const query: TaskSelection = body.query ?? {};
    try {
      const outcome = await (action === "change"
        ? tasks.change(query, body.change ?? {}, options)
        : tasks[action](query, options));
      return context.json({ ...outcome, isFinished: true }, 200);
    } catch (error) {
      if (!limit.signal.aborted || progress === undefined) throw error;
      return context.json({ ...progress, isFinished: false, reasons: [] }, 202);
    }
  });

  return app;
}
