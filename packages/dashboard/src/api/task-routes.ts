import { ValueError } from "@manyhands/core";
import { DEFAULT_MAX_PAYLOAD, DEFAULT_POOL, type HostRecord, submitDetached } from "@manyhands/core/internal";
import { ofPool, shared } from "../live/shared.ts";
import { HIDDEN, holdsHidden, type Redaction } from "../values/redaction.ts";
import type { TraceUrl } from "../values/trace-url.ts";
import { apiApp } from "./api-app.ts";
import { API_PATH } from "./api-path.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { full, inPath, inPool, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { TaskLog, TaskState, TaskView } from "./schemas.ts";
import { noSuchTask, typedParts } from "./task-parts.ts";

const tags = ["tasks"];
/** What a task logs comes without an event. */
const maxAge = 900;
const HIDDEN_GIVEN = `args hold "${HIDDEN}", which stands for a value that this dashboard hides; give the value itself`;
const params = z.object({ id: inPath("id", "Id of a task; `<job>.<n>` is one call of a job that several share.") });
const unknown = problemAnswer("No task of that id is kept.");
const conflict = problemAnswer("Its state does not allow that; `outcome` and `state` say why.");
const Done = z.object({ outcome: z.string(), pool: z.string(), state: TaskState.optional() }).openapi("ActionOutcome");
const Cancelled = z
  .object({ outcome: z.enum(["removed", "stopping"]), pool: z.string(), host: z.string().nullable() })
  .openapi("Cancellation");
const priority = z.int().min(0).max(2_097_151).openapi({ description: "1 is first; 0 = none, before all with one." });
const duration = z.number().min(0);
const Submission = z
  .strictObject({
    task: z.string().min(1).openapi({ example: "resize" }),
    args: z
      .array(z.unknown())
      .default([])
      .openapi({ example: ["a.png"] }),
    pool: z.string().min(1).default(DEFAULT_POOL),
    options: z
      .strictObject({
        delay: duration.optional().openapi({ description: "Milliseconds before it may start." }),
        priority: priority.min(1).optional(),
        attempts: z.int().min(1).optional().openapi({ description: "Tries in total." }),
        timeout: duration.optional(),
        softTimeout: duration.optional(),
        jobId: z.string().optional(),
        tags: z.array(z.string()).optional(),
        limitKey: z.string().optional().openapi({ description: "The key that limits count it under, 1 to 256 bytes." }),
      })
      .default({}),
  })
  .openapi("Submission");

const get = createRoute({
  method: "get",
  path: "/tasks/{id}",
  middleware: shared(ofPool, { maxAge }),
  ...{ tags, summary: "One task, with all that is known of it" },
  request: {
    params,
    query: inPool.extend({
      values: z.enum(["plain", "typed"]).optional().openapi({
        description: "`typed`: arguments, result and progress with their types, as much of them as a page shows.",
      }),
      full,
    }),
  },
  responses: { 200: jsonAnswer(TaskView, "The task."), 404: unknown, ...PROBLEMS },
});

const log = createRoute({
  method: "get",
  path: "/tasks/{id}/log",
  middleware: shared(ofPool, { maxAge }),
  ...{ tags, summary: "Lines of the log and the output of a task" },
  request: {
    params,
    query: inPool.extend({ from: numberIn(0, Number.MAX_SAFE_INTEGER).optional(), full }),
  },
  responses: { 200: jsonAnswer(TaskLog, "Up to 1 000 lines."), 404: unknown, ...PROBLEMS },
});

const submit = createRoute({
  method: "post",
  path: "/tasks",
  ...{ tags, summary: "Submit one call of a task" },
  request: { body: jsonBody(Submission) },
  responses: {
    201: jsonAnswer(z.object({ id: z.string(), pool: z.string(), isDuplicate: z.boolean() }), "Redis has it."),
    ...PROBLEMS,
  },
});

const cancel = createRoute({
  method: "post",
  path: "/tasks/{id}/cancel",
  ...{ tags, summary: "Stop a task wherever it is" },
  request: {
    params,
    query: inPool,
    body: jsonBody(z.strictObject({ reason: z.string().max(1_000).optional() }), false),
  },
  responses: { 200: jsonAnswer(Cancelled, "What becomes of it."), 404: unknown, 409: conflict, ...PROBLEMS },
});

const retry = createRoute({
  method: "post",
  path: "/tasks/{id}/retry",
  ...{ tags, summary: "Put a failed task back into its queue" },
  request: { params, query: inPool },
  responses: {
    200: jsonAnswer(Done, "It is queued."),
    404: unknown,
    409: problemAnswer(
      "Its state does not allow that; `outcome` and `state` say why. A step of a workflow (`outcome` is `step`) is retried " +
        "with its `workflow`: POST /api/v1/workflows/{workflow}/retry.",
    ),
    ...PROBLEMS,
  },
});

const promote = createRoute({
  method: "post",
  path: "/tasks/{id}/promote",
  ...{ tags, summary: "Have a delayed task start now" },
  request: { params, query: inPool },
  responses: { 200: jsonAnswer(Done, "It is queued."), 404: unknown, 409: conflict, ...PROBLEMS },
});

const change = createRoute({
  method: "patch",
  path: "/tasks/{id}",
  ...{ tags, summary: "Change a task that has not started" },
  request: {
    params,
    query: inPool,
    body: jsonBody(
      z
        .strictObject({
          priority: priority.optional(),
          delay: duration.optional().openapi({ description: "Milliseconds from now; 0 = at once." }),
          args: z.array(z.unknown()).optional(),
        })
        .openapi("TaskChange"),
    ),
  },
  responses: { 200: jsonAnswer(Done, "It is changed."), 404: unknown, 409: conflict, ...PROBLEMS },
});

const remove = createRoute({
  method: "delete",
  path: "/tasks/{id}",
  ...{ tags, summary: "Remove a task that does not run, with its outcome" },
  request: { params, query: inPool },
  responses: { 200: jsonAnswer(Done, "It is removed."), 404: unknown, 409: conflict, ...PROBLEMS },
});

/** `/tasks`: look at tasks, submit them and steer them. */
export function taskRoutes(
  { client, keys, inspector, ask }: ApiPlace,
  { redaction, traceUrl }: { redaction: Redaction; traceUrl: TraceUrl },
): OpenAPIHono {
  const app = apiApp();
  const { tasks } = inspector;
  const missing = noSuchTask;

  app.openapi(get, async (context) => {
    const { id } = context.req.valid("param");
    const { pool, values } = context.req.valid("query");
    const found = (await tasks.get(id, { pool })) ?? missing(id);
    const task = { ...found, traceUrl: traceUrl(found.traceId) };
    if (values !== "typed") return context.json(asJson(task), 200);
    const typed = typedParts(task, redaction);
    const outcomes = task.outcomes.map((outcome) => ({ ...outcome, value: null }));
    return context.json({ ...asJson({ ...task, outcomes, args: null, result: null, progress: null }), typed }, 200);
  });

  app.openapi(log, async (context) => {
    const { id } = context.req.valid("param");
    const { pool, from } = context.req.valid("query");
    const lines = (await tasks.logs(id, { pool, from })) ?? missing(id);
    return context.json(lines, 200);
  });

  app.openapi(submit, async (context) => {
    const { task, args, pool, options } = context.req.valid("json");
    if (holdsHidden(args)) return refuse(400, HIDDEN_GIVEN);
    const hosts: HostRecord[] = await inspector.fleet.list();
    const call = { task, args, pool, options, hosts, maxPayload: DEFAULT_MAX_PAYLOAD };
    const { id, isDuplicate } = await inspector.audit.record(
      { action: "task.submit", kind: "task", target: task, details: `pool ${pool}` },
      () => ask(() => submitDetached({ client, keys }, call)),
      { resultOf: ({ id, isDuplicate }) => ({ outcome: "done", result: isDuplicate ? `${id} was there` : id }) },
    );
    return context.json({ id, pool, isDuplicate }, 201);
  });

  app.openapi(cancel, async (context) => {
    const { id } = context.req.valid("param");
    const body = context.req.valid("json") as { reason?: string } | undefined;
    const outcome = await tasks.cancel(id, { ...context.req.valid("query"), reason: body?.reason });
    if (outcome.outcome === "unknown") return missing(id);
    if (outcome.outcome === "finished") {
      return refuse(409, { detail: `task ${id} is ${outcome.state} already`, ...outcome });
    }
    const host = outcome.outcome === "stopping" ? outcome.host : null;
    return context.json({ outcome: outcome.outcome, pool: outcome.pool, host }, 200);
  });

  app.openapi(retry, async (context) => {
    const { id } = context.req.valid("param");
    const query = context.req.valid("query");
    const outcome = await tasks.retry(id, query).catch(async (error: unknown) => {
      const task = error instanceof ValueError ? await tasks.get(id, query) : null;
      if (task === null || task.workflow === null) throw error;
      return refuse(409, stepAlone(id, { workflow: task.workflow, state: task.state }));
    });
    if (outcome.outcome === "unknown") return missing(id);
    if (outcome.outcome === "queued") return context.json(outcome, 200);
    return refuse(409, {
      detail: `task ${id} is ${outcome.state}; only a failed task can be retried`,
      ...outcome,
    });
  });

  app.openapi(promote, async (context) => {
    const { id } = context.req.valid("param");
    const outcome = await tasks.promote(id, context.req.valid("query"));
    if (outcome.outcome === "unknown") return missing(id);
    if (outcome.outcome === "queued") return context.json(outcome, 200);
    return refuse(409, { detail: `task ${id} is ${outcome.state}; only a delayed task can be promoted`, ...outcome });
  });

  app.openapi(change, async (context) => {
    const { id } = context.req.valid("param");
    const wanted = context.req.valid("json");
    if (holdsHidden(wanted.args)) return refuse(400, HIDDEN_GIVEN);
    const outcome = await tasks.change(id, wanted, context.req.valid("query"));
    if (outcome.outcome === "unknown") return missing(id);
    if (outcome.outcome === "changed") return context.json(outcome, 200);
    const why = `task ${id} is ${outcome.state}; only a task that has not started can be changed`;
    return refuse(409, { detail: why, ...outcome });
  });

  app.openapi(remove, async (context) => {
    const { id } = context.req.valid("param");
    const outcome = await tasks.remove(id, context.req.valid("query"));
    if (outcome.outcome === "unknown") return missing(id);
    if (outcome.outcome === "removed") return context.json(outcome, 200);
    return refuse(409, { detail: `task ${id} runs; cancel it first`, ...outcome });
  });

  return app;
}

/** Why one step of a workflow is not retried, and what retries it. */
function stepAlone(id: string, { workflow, state }: { workflow: string; state: string }) {
  const route = `POST ${API_PATH}/workflows/${encodeURIComponent(workflow)}/retry`;
  const detail =
    `task ${id} is a step of workflow ${workflow} and does not run by itself; retry the workflow, which runs again what ` +
    `has failed in it: ${route}, or manyhands workflow retry ${workflow}`;
  return { detail, outcome: "step", state, workflow };
}
