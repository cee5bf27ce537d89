import {
  type ErrorGroup,
  HOUR,
  type HostRecord,
  MINUTE,
  type RatesQuery,
  type TaskFigures,
} from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";
import { RateMark, RateStep } from "./rate-schemas.ts";

/** The spans that are asked for, and their steps, ms: 15 to 170 of them. */
const RANGES = {
  "15m": { last: 15 * MINUTE, step: MINUTE },
  "1h": { last: HOUR, step: MINUTE },
  "3h": { last: 3 * HOUR, step: 3 * MINUTE },
  "24h": { last: 24 * HOUR, step: HOUR },
  "7d": { last: 168 * HOUR, step: HOUR },
} as const;

/** Most marks, the newest ones: more would hide what they mark. */
const MOST_MARKS = 6;
/** Hosts write figures once a second; an answer is used for at most so long, ms. */
const FRESH = 5_000;
/** Groups of errors looked at for the first of their kind. */
const GROUPS = 50;

const range = z
  .enum(["15m", "1h", "3h", "24h", "7d"])
  .default("1h")
  .openapi({ description: "The time until now. Steps are of 1 min, of 3 min for 3h, of 1 h for more." });
const name = z.string().min(1).max(1_000);

const get = createRoute({
  method: "get",
  path: "/rates",
  middleware: shared([], { maxAge: FRESH }),
  ...{ tags: ["tasks"], summary: "What happened to tasks over time, and how long they took" },
  request: {
    query: z.object({
      range,
      pool: name.optional().openapi({ description: "Only of this pool." }),
      task: name.optional().openapi({ description: "Only of this task." }),
    }),
  },
  responses: {
    200: jsonAnswer(
      z
        .object({
          from: z.number().openapi({ description: "When the first step begins, milliseconds since the epoch." }),
          to: z.number().openapi({ description: "Now: the last step is not over." }),
          step: z.number().openapi({ description: "Length of a step, milliseconds." }),
          steps: z.array(RateStep).openapi({ description: "The oldest first, without gaps." }),
          marks: z.array(RateMark),
        })
        .openapi("Rates"),
      "The figures.",
    ),
    ...PROBLEMS,
  },
});

/** `/rates`: figures over time. */
export function rateRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  app.openapi(get, async (context) => {
    const { range: asked, pool, task } = context.req.valid("query");
    const { last, step } = RANGES[asked];
    const [rates, hosts, groups] = await Promise.all([
      inspector.tasks.rates({ last, step, pool, task }),
      inspector.fleet.list(),
      inspector.tasks.errorGroups({ last, limit: GROUPS }),
    ]);
    const { from, to } = rates;
    const known = new Map(rates.steps.map((one) => [one.at, one]));
    // Before the first figure nothing is known: the fleet may not have been there.
    const first = rates.steps[0]?.at ?? Number.POSITIVE_INFINITY;
    const steps = Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => {
      const at = from + index * step;
      return stepOf(at, known.get(at), at >= first);
    });
    const marks = [
      ...hostMarks(hosts, pool),
      ...groups.filter((group) => concernsGroup(group, { pool, task })).map(failureMark),
    ];
    const shown = marks.filter(({ at }) => at >= from && at <= to).sort((left, right) => right.at - left.at);
    return context.json({ from, to, step, steps, marks: shown.slice(0, MOST_MARKS).reverse() }, 200);
  });
  return app;
}

function stepOf(at: number, figures: TaskFigures | undefined, isKnown: boolean): z.infer<typeof RateStep> {
  const { wait = null, run = null } = figures ?? {};
  const count = (name: "submitted" | "completed" | "failed") => figures?.[name] ?? (isKnown ? 0 : null);
  return {
    at,
    submitted: count("submitted"),
    completed: count("completed"),
    failed: count("failed"),
    wait: wait && { p50: wait.p50, p95: wait.p95 },
    run: run && { p50: run.p50, p95: run.p95 },
  };
}

function hostMarks(hosts: readonly HostRecord[], pool: string | undefined): z.infer<typeof RateMark>[] {
  const serving = hosts.filter(({ pools }) => pool === undefined || pools === null || pools.includes(pool));
  return serving.flatMap(({ name, startedAt, state, stepSince }) => [
    { at: startedAt, kind: "host started" as const, name },
    ...(state === "draining" && stepSince ? [{ at: stepSince, kind: "host drains" as const, name }] : []),
  ]);
}

function concernsGroup(group: ErrorGroup, { pool, task }: Pick<RatesQuery, "pool" | "task">): boolean {
  return (task === undefined || group.task === task) && (pool === undefined || group.pools.includes(pool));
}

function failureMark({ first, task }: ErrorGroup): z.infer<typeof RateMark> {
  return { at: first, kind: "first failure", name: task };
}
