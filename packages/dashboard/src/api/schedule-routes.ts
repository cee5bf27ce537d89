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
/** Time goes on also where nothing happens, ms. */
const maxAge = 900;
/** Newest runs of each schedule of which the list tells how they ended. */
const LISTED_STATES = 10;
const params = z.object({ name: inPath("name", "Name of a schedule.") });
const unknown = problemAnswer("There is no schedule of that name.");
const Done = z.object({ outcome: z.string() }).openapi("ScheduleOutcome");

const list = createRoute({
  method: "get",
  path: "/schedules",
  middleware: shared(["pools", "audit"], { maxAge }),
  ...{ tags, summary: "All schedules, by name" },
  responses: { 200: jsonAnswer(z.object({ schedules: z.array(ScheduleView) }), "The schedules."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/schedules/{name}",
  middleware: shared(["pools", "audit"], { maxAge }),
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
  const withStates = async (found: readonly Schedule[], most?: number) => {
    const runs = found.map(({ pool, lastRuns }) => lastRuns.slice(0, most).map(({ id }) => ({ pool, id })));
    const places = runs.flat().flatMap(({ pool, id }) => (id === null ? [] : [[pool, id] as const]));
    const states = await inspector.tasks.states(places);
    return found.map((schedule, index) => ({
      ...schedule,
      lastRuns: schedule.lastRuns.map((run, at) => ({
        ...run,
        state: (runs[index]?.[at]?.id ?? null) === null ? null : (states.shift() ?? null),
      })),
    }));
  };
  const find = async (name: string) => {
    const [found] = await withStates([(await schedules.get(name)) ?? refuse(404, noSchedule(name))]);
    return found as NonNullable<typeof found>;
  };

  app.openapi(list, async (context) => {
    return context.json(asJson({ schedules: await withStates(await schedules.list(), LISTED_STATES) }), 200);
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
