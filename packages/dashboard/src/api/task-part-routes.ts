import { LINE_LEVELS } from "@manyhands/core/internal";
import { ofPool, shared } from "../live/shared.ts";
import type { Redaction } from "../values/redaction.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { full, inPath, inPool, jsonAnswer, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { Causes, TaskLines, TaskState, ValueView } from "./schemas.ts";
import { hideInFields, noSuchTask, TASK_PARTS, typedPart } from "./task-parts.ts";

const tags = ["tasks"];
/** What a task logs, and a wait for a lock, comes without an event. */
const maxAge = 900;
const params = z.object({ id: inPath("id", "Id of a task; `<job>.<n>` is one call of a job that several share.") });
const unknown = problemAnswer("No task of that id is kept.");
const MOST_LINES = 1_000;

const lines = createRoute({
  method: "get",
  path: "/tasks/{id}/lines",
  middleware: shared(ofPool, { maxAge }),
  ...{ tags, summary: "Lines of the log and the output of a task, with times and levels, searched" },
  request: {
    params,
    query: inPool.extend({
      from: numberIn(0, Number.MAX_SAFE_INTEGER).optional().openapi({ description: "Number of the first line." }),
      last: numberIn(1, MOST_LINES).optional().openapi({ description: "That many of the last lines that fit." }),
      text: z.string().min(1).max(1_000).optional().openapi({ description: "Part of the line." }),
      tryAt: numberIn(0, 8.64e15).optional().openapi({ description: "`startedAt` of the try that wrote it." }),
      level: z.enum(LINE_LEVELS).optional().openapi({ description: "As bad as that, or worse." }),
      limit: numberIn(1, MOST_LINES).optional(),
      full,
    }),
  },
  responses: { 200: jsonAnswer(TaskLines, "Up to 1 000 lines."), 404: unknown, ...PROBLEMS },
});

const value = createRoute({
  method: "get",
  path: "/tasks/{id}/value",
  middleware: shared(ofPool, { maxAge }),
  ...{ tags, summary: "A part of the arguments, the result or the progress of a task, with its types" },
  request: {
    params,
    query: inPool.extend({
      part: z.enum(TASK_PARTS),
      path: z
        .string()
        .regex(/^\d{1,9}(\.\d{1,9}){0,99}$/, "must be places with dots between, such as 0.2.1")
        .optional()
        .openapi({ description: "Places that lead to it, with dots between; absent: the whole." }),
      from: numberIn(0, 1_000_000_000).optional().openapi({ description: "Place of its first part that is shown." }),
      full,
    }),
  },
  responses: {
    200: jsonAnswer(z.object({ node: ValueView }), "The part."),
    404: problemAnswer("No task of that id is kept, or it has no such part."),
    ...PROBLEMS,
  },
});

const causes = createRoute({
  method: "get",
  path: "/tasks/{id}/causes",
  middleware: shared((context) => [...ofPool(context), "objects"], { maxAge }),
  ...{ tags, summary: "Why a task does not go on: what it waits for, who has that, and so on up to the cause" },
  request: { params, query: inPool },
  responses: { 200: jsonAnswer(Causes, "The chain."), 404: unknown, ...PROBLEMS },
});

const related = createRoute({
  method: "get",
  path: "/tasks/{id}/related",
  middleware: shared(ofPool),
  ...{ tags, summary: "Children of a task, and the tasks of a flow for which it waits, or has waited" },
  request: { params, query: inPool },
  responses: {
    200: jsonAnswer(
      z.object({
        children: z.array(
          z.object({
            pool: z.string().nullable().openapi({ description: "null = it is a workflow." }),
            id: z.string(),
            state: TaskState.nullable().openapi({ description: "null = it is no longer kept." }),
            isDone: z.boolean(),
          }),
        ),
        count: z.int().openapi({ description: "All that are noted, also those that are no longer kept." }),
      }),
      "Up to 200 of them.",
    ),
    404: unknown,
    ...PROBLEMS,
  },
});

const raw = createRoute({
  method: "get",
  path: "/tasks/{id}/raw",
  middleware: shared(ofPool, { maxAge }),
  ...{ tags, summary: "The BullMQ job of a task as it is in Redis" },
  request: { params, query: inPool.extend({ full }) },
  responses: {
    200: jsonAnswer(
      z.object({
        fields: z.record(z.string(), z.string()),
        cut: z.array(z.string()).openapi({ description: "Fields that are longer than what is told of them." }),
      }),
      "Its fields.",
    ),
    404: unknown,
    ...PROBLEMS,
  },
});

/** `/tasks/{id}/…`: what is asked of a task apart from the task itself. */
export function taskPartRoutes({ inspector }: ApiPlace, redaction: Redaction): OpenAPIHono {
  const app = apiApp();
  const { tasks } = inspector;

  app.openapi(lines, async (context) => {
    const { id } = context.req.valid("param");
    const { full: _, ...query } = context.req.valid("query");
    return context.json((await tasks.lines(id, query)) ?? noSuchTask(id), 200);
  });

  app.openapi(value, async (context) => {
    const { id } = context.req.valid("param");
    const { pool, part, path, from = 0 } = context.req.valid("query");
    const task = (await tasks.get(id, { pool })) ?? noSuchTask(id);
    const places = path === undefined ? [] : path.split(".").map(Number);
    const node = typedPart(task, redaction, { part, places, from });
    return node ? context.json({ node }, 200) : refuse(404, `the ${part} of task ${id} have nothing at ${path}`);
  });

  app.openapi(causes, async (context) => {
    const { id } = context.req.valid("param");
    const { pool } = context.req.valid("query");
    return context.json((await tasks.causes(id, { pool })) ?? noSuchTask(id), 200);
  });

  app.openapi(related, async (context) => {
    const { id } = context.req.valid("param");
    const { pool } = context.req.valid("query");
    return context.json((await tasks.related(id, { pool })) ?? noSuchTask(id), 200);
  });

  app.openapi(raw, async (context) => {
    const { id } = context.req.valid("param");
    const { pool } = context.req.valid("query");
    const { fields, cut } = (await tasks.raw(id, { pool })) ?? noSuchTask(id);
    return context.json({ fields: hideInFields(fields, redaction), cut }, 200);
  });

  return app;
}
