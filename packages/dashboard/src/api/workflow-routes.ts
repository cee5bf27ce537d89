import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { inPath, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { WorkflowPart, WorkflowRow, WorkflowState, WorkflowTree } from "./workflow-schemas.ts";

const tags = ["workflows"];
/** Steps end without an event of their workflow, ms. */
const maxAge = 900;
const params = z.object({ id: inPath("id", "Id of a workflow.") });
const unknown = problemAnswer("There is no workflow of that id.");
const conflict = problemAnswer("Its state does not allow that; `outcome` and `state` say why.");

const list = createRoute({
  method: "get",
  path: "/workflows",
  middleware: shared(["workflows"], { maxAge }),
  ...{ tags, summary: "Workflows, the newest first" },
  request: {
    query: z.strictObject({
      state: WorkflowState.optional(),
      tag: z.string().min(1).optional(),
      limit: numberIn(1, 1_000).optional(),
      offset: numberIn(0, Number.MAX_SAFE_INTEGER).optional(),
    }),
  },
  responses: {
    200: jsonAnswer(
      z.object({ workflows: z.array(WorkflowRow), total: z.int(), nextOffset: z.int().nullable() }),
      "A page of them; `nextOffset` begins the next one.",
    ),
    ...PROBLEMS,
  },
});

const get = createRoute({
  method: "get",
  path: "/workflows/{id}",
  middleware: shared((context) => [`workflows/${context.req.param("id")}`], { maxAge }),
  ...{ tags, summary: "One workflow with its tree" },
  request: {
    params,
    query: z.strictObject({
      parts: numberIn(1, 1_000).optional().openapi({ description: "Most parts of each chain and group: 100." }),
    }),
  },
  responses: { 200: jsonAnswer(WorkflowTree, "The workflow."), 404: unknown, ...PROBLEMS },
});

const parts = createRoute({
  method: "get",
  path: "/workflows/{id}/parts",
  middleware: shared((context) => [`workflows/${context.req.param("id")}`], { maxAge }),
  ...{ tags, summary: "Parts of one chain or group of a workflow, a page at a time" },
  request: {
    params,
    query: z.strictObject({
      node: numberIn(0, 1_000_000).optional().openapi({ description: "Number of the chain or group; 0 is the whole." }),
      from: numberIn(0, 1_000_000).optional().openapi({ description: "Place of the first part." }),
      count: numberIn(1, 250).optional().openapi({ description: "Most parts: 100." }),
    }),
  },
  responses: {
    200: jsonAnswer(z.object({ parts: z.array(WorkflowPart), count: z.int() }), "Some of its `count` parts."),
    404: unknown,
    ...PROBLEMS,
  },
});

const Stopping = z
  .object({
    outcome: z.literal("stopping"),
    state: WorkflowState.openapi({ description: "`cancelled`, or as it had ended before: then the rest of it stops." }),
  })
  .openapi("WorkflowCancellation");
const Retried = z
  .object({ outcome: z.literal("queued"), steps: z.int().openapi({ description: "Steps that are back in line." }) })
  .openapi("WorkflowRetry");

const cancel = createRoute({
  method: "post",
  path: "/workflows/{id}/cancel",
  ...{
    tags,
    summary: "Stop a workflow, or what is left of one that has failed: nothing starts, what runs is cancelled",
  },
  request: { params, body: jsonBody(z.strictObject({ reason: z.string().max(1_000).optional() }), false) },
  responses: {
    200: jsonAnswer(Stopping, "Nothing of it starts any more, and what runs is told to stop."),
    404: unknown,
    409: conflict,
    ...PROBLEMS,
  },
});

const retry = createRoute({
  method: "post",
  path: "/workflows/{id}/retry",
  ...{ tags, summary: "Go on with a failed or cancelled workflow; what has completed does not run again" },
  request: { params },
  responses: { 200: jsonAnswer(Retried, "It goes on."), 404: unknown, 409: conflict, ...PROBLEMS },
});

const remove = createRoute({
  method: "delete",
  path: "/workflows/{id}",
  ...{ tags, summary: "Remove a workflow that does not run, with its results" },
  request: { params },
  responses: {
    200: jsonAnswer(z.object({ outcome: z.literal("removed") }), "It is gone."),
    404: unknown,
    409: problemAnswer("It, or a step of it, runs: cancel it first; `outcome` says so."),
    ...PROBLEMS,
  },
});

/** `/workflows`: look at workflows and steer them. */
export function workflowRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { workflows } = inspector;

  app.openapi(list, async (context) => context.json(asJson(await workflows.list(context.req.valid("query"))), 200));

  app.openapi(get, async (context) => {
    const { id } = context.req.valid("param");
    const tree = (await workflows.get(id, context.req.valid("query"))) ?? refuse(404, noWorkflow(id));
    return context.json(asJson(tree), 200);
  });

  app.openapi(parts, async (context) => {
    const { id } = context.req.valid("param");
    const page = (await workflows.parts(id, context.req.valid("query"))) ?? refuse(404, noWorkflow(id));
    return context.json(asJson(page), 200);
  });

  app.openapi(cancel, async (context) => {
    const { id } = context.req.valid("param");
    const { reason } = context.req.valid("json") ?? {};
    const done = await workflows.cancel(id, { reason });
    const { outcome } = done;
    if (outcome === "unknown") return refuse(404, noWorkflow(id));
    if (outcome === "stopping") return context.json({ outcome, state: done.state }, 200);
    return refuse(409, { detail: `workflow ${id} is ${done.state} already`, outcome, state: done.state });
  });

  app.openapi(retry, async (context) => {
    const { id } = context.req.valid("param");
    const done = await workflows.retry(id);
    const { outcome } = done;
    if (outcome === "unknown") return refuse(404, noWorkflow(id));
    if (outcome === "queued") return context.json({ outcome, steps: done.steps }, 200);
    const why = `workflow ${id} is ${done.state}; only a failed or cancelled workflow can be retried`;
    return refuse(409, { detail: why, outcome, state: done.state });
  });

  app.openapi(remove, async (context) => {
    const { id } = context.req.valid("param");
    const { outcome } = await workflows.remove(id);
    if (outcome === "unknown") return refuse(404, noWorkflow(id));
    if (outcome === "running") {
      return refuse(409, { detail: `workflow ${id}, or a step of it, runs; cancel it first`, outcome });
    }
    return context.json({ outcome }, 200);
  });

  return app;
}

function noWorkflow(id: string): string {
  return `there is no workflow "${id}"; GET /api/v1/workflows lists them`;
}
