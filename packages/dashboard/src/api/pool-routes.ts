import { ManyhandsError } from "@manyhands/core";
import type { PoolView as CorePoolView } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { flag, inPath, jsonAnswer, jsonBody } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { PoolView } from "./schemas.ts";

const tags = ["pools"];
const params = z.object({ name: inPath("name", "Name of a pool.") });
const unknown = problemAnswer("There is no pool of that name.");
const size = z.int().min(1).nullable().openapi({ description: "null = as many as the hosts have slots." });

const list = createRoute({
  method: "get",
  path: "/pools",
  middleware: shared(["pools", "hosts"]),
  ...{ tags, summary: "All pools, by name" },
  responses: { 200: jsonAnswer(z.object({ pools: z.array(PoolView) }), "The pools."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/pools/{name}",
  middleware: shared((context) => [`pools/${context.req.param("name")}`, "hosts"]),
  ...{ tags, summary: "One pool" },
  request: { params },
  responses: { 200: jsonAnswer(PoolView, "The pool."), 404: unknown, ...PROBLEMS },
});

const create = createRoute({
  method: "post",
  path: "/pools",
  ...{ tags, summary: "Make a named pool, which stays until it is removed" },
  request: {
    body: jsonBody(
      z
        .strictObject({
          name: z.string().min(1),
          size: size.default(null),
          isolation: z.enum(["process", "thread", "inline"]).nullable().optional(),
          maxTasksPerChild: z.int().min(1).nullable().optional(),
        })
        .openapi("NewPool"),
    ),
  },
  responses: {
    201: jsonAnswer(PoolView, "The new pool."),
    409: problemAnswer("There is a pool of that name; it stays as it is."),
    ...PROBLEMS,
  },
});

const change = createRoute({
  method: "patch",
  path: "/pools/{name}",
  ...{ tags, summary: "Resize, pause or resume a pool" },
  request: {
    params,
    body: jsonBody(z.strictObject({ size: size.optional(), paused: z.boolean().optional() }).openapi("PoolChange")),
  },
  responses: { 200: jsonAnswer(PoolView, "The pool as it is now."), 404: unknown, ...PROBLEMS },
});

const reset = createRoute({
  method: "post",
  path: "/pools/{name}/reset",
  ...{ tags, summary: "Let a pool be used again whose initializer failed" },
  request: { params },
  responses: {
    200: jsonAnswer(z.object({ hadFailed: z.boolean() }), "Whether it had failed."),
    404: unknown,
    ...PROBLEMS,
  },
});

const remove = createRoute({
  method: "delete",
  path: "/pools/{name}",
  ...{ tags, summary: "Remove a pool with its tasks" },
  request: {
    params,
    query: z.object({ force: flag.optional().openapi({ description: "Also when tasks of it run: they are killed." }) }),
  },
  responses: {
    200: jsonAnswer(z.object({ outcome: z.literal("removed"), waiting: z.int() }), "How many tasks waited in it."),
    404: unknown,
    409: problemAnswer("Tasks of it run."),
    ...PROBLEMS,
  },
});

/** `/pools`: look at pools and steer them. */
export function poolRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { pools } = inspector;

  const find = async (name: string): Promise<z.infer<typeof PoolView> | null> => {
    const pool = await pools.get(name);
    return pool && viewOf(pool);
  };

  app.openapi(list, async (context) => context.json({ pools: (await pools.list()).map(viewOf) }, 200));

  app.openapi(get, async (context) => {
    const { name } = context.req.valid("param");
    const pool = await find(name);
    return pool ? context.json(pool, 200) : refuse(404, noPool(name));
  });

  app.openapi(create, async (context) => {
    const pool = context.req.valid("json");
    const isNew = await pools.create(pool);
    if (!isNew) return refuse(409, { detail: `there is a pool "${pool.name}" already`, outcome: "exists" });
    const made = await find(pool.name);
    if (!made) throw new ManyhandsError(`pool "${pool.name}" was removed as soon as it was made`);
    return context.json(made, 201);
  });

  app.openapi(change, async (context) => {
    const { name } = context.req.valid("param");
    const wanted = context.req.valid("json");
    if (wanted.size === undefined && wanted.paused === undefined) {
      return refuse(400, "a change of a pool names size, paused or both");
    }
    const steps = [
      ...(wanted.size === undefined ? [] : [() => pools.resize(name, wanted.size ?? null)]),
      ...(wanted.paused === undefined ? [] : [() => (wanted.paused ? pools.pause(name) : pools.resume(name))]),
    ];
    for (const step of steps) if (!(await step())) return refuse(404, noPool(name));
    const pool = await find(name);
    return pool ? context.json(pool, 200) : refuse(404, noPool(name));
  });

  app.openapi(reset, async (context) => {
    const { name } = context.req.valid("param");
    const hadFailed = await pools.reset(name);
    return hadFailed === null ? refuse(404, noPool(name)) : context.json({ hadFailed }, 200);
  });

  app.openapi(remove, async (context) => {
    const { name } = context.req.valid("param");
    const removal = await pools.remove(name, { force: context.req.valid("query").force });
    if (removal.outcome === "removed") return context.json(removal, 200);
    if (removal.outcome === "unknown") return refuse(404, noPool(name));
    const why = `${removal.active} of its tasks run; wait for them, or remove it with force=true`;
    return refuse(409, { detail: why, outcome: "running" });
  });

  return app;
}

function noPool(name: string): string {
  return `there is no pool "${name}"; GET /api/v1/pools lists them`;
}

function viewOf(pool: CorePoolView): z.infer<typeof PoolView> {
  const { name, size, state, owner, isolation, maxTasksPerChild, fence, failure, createdAt, paused } = pool;
  const { waiting, prioritized, delayed, active, completed, failed, oldestWaiting, hosts, slots } = pool;
  return {
    ...{ name, size, state, unnamed: owner !== null, isolation, maxTasksPerChild, fence, failure, createdAt, paused },
    ...{ waiting, prioritized, delayed, active, completed, failed, oldestWaiting, hosts, slots },
  };
}
