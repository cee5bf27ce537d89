import { ManyhandsError } from "@manyhands/core";
import type { BulkProgress, PoolView as CorePoolView, LimitRule as LimitRuleInput } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { flag, inPath, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { LimitRule, PoolCourseView, PoolLimitsView, PoolRateRow, PoolView, TaskRow } from "./schemas.ts";

const tags = ["pools"];
const params = z.object({ name: inPath("name", "Name of a pool.") });
/** Minutes that are counted change no page at once, ms. */
const MINUTES_AGE = 10_000;
/** Emptying a pool answers after about this long, and goes on with the next request, ms. */
const STEP = 5_000;
const unknown = problemAnswer("There is no pool of that name.");
const size = z.int().min(1).nullable().openapi({ description: "null = as many as the hosts have slots." });

const Drained = z
  .object({
    removed: z.int(),
    refused: z.int().openapi({ description: "Had started, or were gone." }),
    isFinished: z.boolean(),
  })
  .openapi("PoolDrained");

const names = z
  .preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(z.string().min(1)).min(1).max(100))
  .openapi({ type: "array", items: { type: "string" }, description: "A pool; given again, several." });

const list = createRoute({
  method: "get",
  path: "/pools",
  middleware: shared((context) => {
    const some = context.req.queries("pool")?.map((name) => `pools/${name}`);
    return [...(some ?? ["pools"]), "hosts"];
  }),
  ...{ tags, summary: "All pools, or some of them, by name" },
  request: { query: z.object({ pool: names.optional() }) },
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
  ...{ tags, summary: "Resize, limit, pause or resume a pool" },
  request: {
    params,
    body: jsonBody(
      z
        .strictObject({
          size: size.optional(),
          paused: z.boolean().optional(),
          limits: LimitRule.nullable().optional().openapi({ description: "null = no limit but the size." }),
          task: z.string().min(1).optional().openapi({
            description: "The limits are for this task in the pool, in the place of those of its code; null = none.",
          }),
          reset: z.boolean().optional().openapi({ description: "With `task`: as its code says." }),
        })
        .openapi("PoolChange"),
    ),
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

const limits = createRoute({
  method: "get",
  path: "/pools/{name}/limits",
  middleware: shared((context) => [`pools/${context.req.param("name")}`]),
  ...{ tags, summary: "The limits of a pool, and the turns of their keys" },
  request: {
    params,
    query: z.object({ limit: numberIn(1, 200).optional().openapi({ description: "Keys; 50 without it." }) }),
  },
  responses: { 200: jsonAnswer(PoolLimitsView, "The limits."), 404: unknown, ...PROBLEMS },
});

const next = createRoute({
  method: "get",
  path: "/pools/{name}/next",
  middleware: shared((context) => [`pools/${context.req.param("name")}`, "hosts"]),
  ...{ tags, summary: "The tasks that hosts take next, in their order" },
  request: {
    params,
    query: z.object({ limit: numberIn(1, 200).optional().openapi({ description: "20 without it." }) }),
  },
  responses: { 200: jsonAnswer(z.object({ tasks: z.array(TaskRow) }), "The tasks."), 404: unknown, ...PROBLEMS },
});

const courses = createRoute({
  method: "get",
  path: "/pool-courses",
  middleware: shared([], { maxAge: MINUTES_AGE }),
  ...{ tags, summary: "How many tasks of pools ended in each of the last minutes" },
  request: {
    query: z.object({
      pool: names,
      last: numberIn(60_000, 10_800_000).optional().openapi({ description: "Milliseconds; an hour without it." }),
    }),
  },
  responses: { 200: jsonAnswer(z.object({ courses: z.array(PoolCourseView) }), "In their order."), ...PROBLEMS },
});

const rates = createRoute({
  method: "get",
  path: "/pool-rates",
  middleware: shared([], { maxAge: MINUTES_AGE }),
  ...{ tags, summary: "What happened in each pool lately, the busiest first; pools of which nothing did are left out" },
  request: {
    query: z.object({
      last: numberIn(60_000, 691_200_000).optional().openapi({ description: "Milliseconds; an hour without it." }),
    }),
  },
  responses: { 200: jsonAnswer(z.object({ pools: z.array(PoolRateRow) }), "The pools."), ...PROBLEMS },
});

const drain = createRoute({
  method: "post",
  path: "/pools/{name}/drain",
  ...{ tags, summary: "Remove the tasks that wait in a pool; running ones go on" },
  request: {
    params,
    body: jsonBody(
      z.strictObject({ delayed: z.boolean().optional().openapi({ description: "Also those that are delayed." }) }),
      false,
    ),
  },
  responses: {
    200: jsonAnswer(Drained, "It is empty."),
    202: jsonAnswer(Drained, "There is more to do, and nothing goes on by itself: send it again."),
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

  app.openapi(list, async (context) => {
    const { pool } = context.req.valid("query");
    return context.json({ pools: (await pools.list(pool)).map(viewOf) }, 200);
  });

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
    if (wanted.size === undefined && wanted.paused === undefined && wanted.limits === undefined) {
      return refuse(400, "a change of a pool names size, paused, limits or several of them");
    }
    const rule = wanted.limits as LimitRuleInput | null | undefined;
    const { task, reset = false } = wanted;
    if (task !== undefined && rule === undefined)
      return refuse(400, "task is the one whose limits change: name limits");
    if (reset && (task === undefined || rule !== null)) {
      return refuse(400, "reset gives a task the limits of its code: name the task, and limits null");
    }
    const steps = [
      ...(wanted.size === undefined ? [] : [() => pools.resize(name, wanted.size ?? null)]),
      ...(rule === undefined ? [] : [() => pools.limit(name, rule, { task, reset })]),
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

  app.openapi(limits, async (context) => {
    const { name } = context.req.valid("param");
    if (!(await find(name))) return refuse(404, noPool(name));
    const found = await pools.limits(name, context.req.valid("query"));
    const { rules, waiting, keys, places } = found ?? { rules: [], waiting: 0, keys: 0, places: [] };
    return context.json({ rules, waiting, keys, places }, 200);
  });

  app.openapi(next, async (context) => {
    const { name } = context.req.valid("param");
    const tasks = await pools.next(name, context.req.valid("query"));
    return tasks ? context.json({ tasks }, 200) : refuse(404, noPool(name));
  });

  app.openapi(courses, async (context) => {
    const { pool, last } = context.req.valid("query");
    return context.json({ courses: await pools.courses(pool, { last }) }, 200);
  });

  app.openapi(rates, async (context) => {
    const rows = await pools.rates(context.req.valid("query"));
    return context.json(
      {
        pools: rows.map(({ pool, completed, failed, wait, run }) => ({
          ...{ pool, completed, failed },
          waitP95: wait?.p95 ?? null,
          runP95: run?.p95 ?? null,
        })),
      },
      200,
    );
  });

  app.openapi(drain, async (context) => {
    const { name } = context.req.valid("param");
    if (!(await find(name))) return refuse(404, noPool(name));
    const { delayed = false } = (context.req.valid("json") as { delayed?: boolean } | undefined) ?? {};
    const limit = AbortSignal.timeout(STEP);
    const signal = AbortSignal.any([limit, context.req.raw.signal]);
    const sum = { removed: 0, refused: 0 };
    for (const state of ["waiting", "prioritized", "blocked", ...(delayed ? (["delayed"] as const) : [])] as const) {
      let progress = { done: 0, refused: 0 };
      const onProgress = (now: BulkProgress): void => {
        progress = now;
      };
      try {
        progress = await inspector.tasks.remove({ pool: name, state }, { signal, onProgress });
      } catch (error) {
        if (!limit.aborted) throw error;
        const partly = { removed: sum.removed + progress.done, refused: sum.refused + progress.refused };
        return context.json({ ...partly, isFinished: false }, 202);
      }
      sum.removed += progress.done;
      sum.refused += progress.refused;
    }
    return context.json({ ...sum, isFinished: true }, 200);
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
  const { limits = null, limited, parked, hindrance } = pool;
  return {
    ...{
      name,
      size,
      state,
      unnamed: owner !== null,
      isolation,
      maxTasksPerChild,
      fence,
      failure,
      createdAt,
      paused,
      limits,
    },
    ...{
      waiting,
      prioritized,
      delayed,
      active,
      completed,
      failed,
      oldestWaiting,
      hosts,
      slots,
      limited,
      parked,
      hindrance,
    },
  };
}
