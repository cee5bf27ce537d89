import type { ScheduleView as Schedule } from "@manyhands/core";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { inPath, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { ScheduleOptions, ScheduleView } from "./schedule-schemas.ts";

const tags = ["schedules"];
/** Time goes on also where nothing happens, and runs end without an event of their schedule, ms. */
const maxAge = 900;
/** Newest runs of each schedule that the list shows. */
const LISTED_RUNS = 12;
/** Schedules of a page, where the request does not say how many. */
const USUAL_PAGE = 100;
const params = z.object({ name: inPath("name", "Name of a schedule.") });
const unknown = problemAnswer("There is no schedule of that name.");
const Done = z.object({ outcome: z.string() }).openapi("ScheduleOutcome");

const list = createRoute({
  method: "get",
  path: "/schedules",
  middleware: shared(["schedules"], { maxAge }),
  ...{ tags, summary: "Schedules, by name, each with its 12 newest runs" },
  request: {
    query: z.strictObject({
      limit: numberIn(1, 1_000).optional().openapi({ description: "Most schedules of the page; 100 without it." }),
      offset: numberIn(0, Number.MAX_SAFE_INTEGER).optional(),
    }),
  },
  responses: {
    200: jsonAnswer(
      z.object({ schedules: z.array(ScheduleView), total: z.int(), nextOffset: z.int().nullable() }),
      "A page of them; `nextOffset` begins the next one.",
    ),
    ...PROBLEMS,
  },
});

const get = createRoute({
  method: "get",
  path: "/schedules/{name}",
  middleware: shared(["schedules"], { maxAge }),
  ...{ tags, summary: "One schedule" },
  request: { params },
  responses: { 200: jsonAnswer(ScheduleView, "The schedule."), 404: unknown, ...PROBLEMS },
});

const next = createRoute({
  method: "get",
  path: "/schedules/{name}/next",
  ...{ tags, summary: "The next due times of a schedule" },
  request: { params, query: z.strictObject({ count: numberIn(1, 1_000).optional() }) },
  responses: {
    200: jsonAnswer(z.object({ times: z.array(z.number()) }), "Milliseconds since the epoch."),
    404: unknown,
    ...PROBLEMS,
  },
});

const set = createRoute({
  method: "put",
  path: "/schedules/{name}",
  ...{ tags, summary: "Make a schedule, or change the one of that name" },
  request: { params, body: jsonBody(ScheduleOptions) },
  responses: { 200: jsonAnswer(ScheduleView, "The schedule as it is now."), ...PROBLEMS },
});

const step = (how: "pause" | "resume", summary: string) =>
  createRoute({
    method: "post",
    path: `/schedules/{name}/${how}`,
    ...{ tags, summary },
    request: { params },
    responses: { 200: jsonAnswer(ScheduleView, "The schedule as it is now."), 404: unknown, ...PROBLEMS },
  });

const run = createRoute({
  method: "post",
  path: "/schedules/{name}/run",
  ...{ tags, summary: "Start a run now, whatever is due" },
  request: { params },
  responses: { 200: jsonAnswer(z.object({ id: z.string() }), "The id of its task."), 404: unknown, ...PROBLEMS },
});

const remove = createRoute({
  method: "delete",
  path: "/schedules/{name}",
  ...{ tags, summary: "Remove a schedule; tasks that it has submitted stay" },
  request: { params },
  responses: { 200: jsonAnswer(Done, "It is gone."), 404: unknown, ...PROBLEMS },
});

/** `/schedules`: look at schedules and steer them. */
export function scheduleRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { schedules } = inspector;
  const withStates = async (found: readonly Schedule[]) => {
    const runs = found.flatMap(({ lastRuns }) => lastRuns);
    const places = runs.flatMap(({ pool, id }) => (pool === null || id === null ? [] : [[pool, id] as const]));
    const states = (await inspector.tasks.states(places)).values();
    return found.map((schedule) => ({
      ...schedule,
      lastRuns: schedule.lastRuns.map((run) => ({
        ...run,
        state: run.pool === null || run.id === null ? null : (states.next().value ?? null),
      })),
    }));
  };
  const find = async (name: string) => {
    const [found] = await withStates([(await schedules.get(name)) ?? refuse(404, noSchedule(name))]);
    return found as NonNullable<typeof found>;
  };

  app.openapi(list, async (context) => {
    const { limit = USUAL_PAGE, offset = 0 } = context.req.valid("query");
    const page = await schedules.page({ limit, offset, runs: LISTED_RUNS });
    return context.json(asJson({ ...page, schedules: await withStates(page.schedules) }), 200);
  });

  app.openapi(get, async (context) => context.json(asJson(await find(context.req.valid("param").name)), 200));

  app.openapi(next, async (context) => {
    const { name } = context.req.valid("param");
    await find(name);
    return context.json({ times: await schedules.next(name, context.req.valid("query").count ?? 5) }, 200);
  });

  app.openapi(set, async (context) => {
    const { name } = context.req.valid("param");
    const { task, args, ...options } = context.req.valid("json");
    await schedules.set(name, task, args, options);
    return context.json(asJson(await find(name)), 200);
  });

  const steps = [
    step("pause", "Run nothing until it is resumed"),
    step("resume", "Go on with the next due time"),
  ] as const;
  for (const [index, route] of steps.entries()) {
    app.openapi(route, async (context) => {
      const { name } = context.req.valid("param");
      await (index === 0 ? schedules.pause(name) : schedules.resume(name));
      return context.json(asJson(await find(name)), 200);
    });
  }

  app.openapi(run, async (context) => {
    const { name } = await find(context.req.valid("param").name);
    return context.json({ id: await schedules.run(name) }, 200);
  });

  app.openapi(remove, async (context) => {
    const { name } = context.req.valid("param");
    if (!(await schedules.remove(name))) return refuse(404, noSchedule(name));
    return context.json({ outcome: "removed" }, 200);
  });

  return app;
}

function noSchedule(name: string): string {
  return `there is no schedule "${name}"; GET /api/v1/schedules lists them`;
}
