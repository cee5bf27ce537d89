import {
  DAY,
  type ErrorGroup,
  GROUPS_KEPT,
  HOUR,
  HOURS_KEPT,
  type HostRecord,
  literalPart,
  MINUTE,
  MOST_GROUPS,
  type TaskView,
} from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { FailureDetail, Failures } from "./failure-schemas.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { inPath, jsonAnswer } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";

type Group = z.infer<typeof Failures>["groups"][number];
type Detail = z.infer<typeof FailureDetail>;

/** The times that can be asked for, in how many bars a list shows them, and the steps of a chart, ms. */
const RANGES = {
  "1h": { last: HOUR, bars: 20, step: MINUTE },
  "24h": { last: DAY, bars: 24, step: HOUR },
  "7d": { last: 7 * DAY, bars: 28, step: HOUR },
  "30d": { last: GROUPS_KEPT, bars: 30, step: HOUR },
} as const;
type Range = keyof typeof RANGES;

/** Groups that are told, and tasks of one group that are looked at and shown. */
const TOLD = 100;
const SAMPLED = 200;
const EXAMPLES = 5;
/** Hosts write figures once a second, after the event: an answer is used for at most so long, ms. */
const FRESH = 1_000;
/** A host that started so long before the first failure may have brought it, ms. */
const SHORTLY = 15 * MINUTE;

const tags = ["failures"];
const range = z.enum(["1h", "24h", "7d", "30d"]).default("1h").openapi({ description: "The time until now." });

const list = createRoute({
  method: "get",
  path: "/failures",
  middleware: shared(["pools"], { maxAge: FRESH }),
  ...{ tags, summary: "What failed, grouped by task and kind of error" },
  request: { query: z.object({ range, pool: z.string().min(1).max(1_000).optional() }) },
  responses: { 200: jsonAnswer(Failures, "The groups."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/failures/{group}",
  middleware: shared(["pools", "hosts"], { maxAge: FRESH }),
  ...{ tags, summary: "One group of errors, with examples" },
  request: { params: z.object({ group: inPath("group", "Id of a group.") }), query: z.object({ range }) },
  responses: {
    200: jsonAnswer(FailureDetail, "The group."),
    404: problemAnswer("No such group is kept."),
    ...PROBLEMS,
  },
});

/** `/failures`: what fails, since when and where. */
export function failureRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { tasks, fleet } = inspector;

  app.openapi(list, async (context) => {
    const { range: asked, pool } = context.req.valid("query");
    const { last } = RANGES[asked];
    const [groups, rates] = await Promise.all([
      tasks.errorGroups({ last, limit: MOST_GROUPS }),
      tasks.rates({ last: Math.min(last, 7 * DAY), pool }),
    ]);
    const to = rates.to;
    const views = groups
      .filter((group) => pool === undefined || group.pools.includes(pool))
      .map((group) => viewOf(group, asked, to))
      .filter(({ count }) => count > 0)
      .sort((left, right) => right.count - left.count || right.last - left.last);
    const count = views.reduce((sum, view) => sum + view.count, 0);
    const hasMore = views.length > TOLD;
    const answer = { from: to - last, to, count, completed: rates.completed, groups: views.slice(0, TOLD), hasMore };
    return context.json(answer, 200);
  });

  app.openapi(get, async (context) => {
    const { group: id } = context.req.valid("param");
    const { range: asked } = context.req.valid("query");
    const { last, step } = RANGES[asked];
    const groups = await tasks.errorGroups({ last: GROUPS_KEPT, limit: MOST_GROUPS });
    if (!groups.some((group) => group.id === id)) {
      return refuse(404, `no group of errors "${id}" is kept; GET /api/v1/failures lists them`);
    }
    const [[group], hosts] = await Promise.all([
      tasks.errorGroups({ last, limit: MOST_GROUPS }).then((known) => known.filter((one) => one.id === id)),
      fleet.list(),
    ]);
    // Nothing of it in that time: the group as it was.
    const shown = group ?? (groups.find((one) => one.id === id) as ErrorGroup);
    const selection = selectionOf(shown);
    const [rates, found, dead] = await Promise.all([
      tasks.rates({ last: Math.min(last, HOURS_KEPT), task: shown.task }),
      tasks.find({ ...selection, limit: SAMPLED }),
      tasks.count(selection, { signal: context.req.raw.signal }),
    ]);
    const rows = found.tasks;
    const read = await Promise.all(rows.slice(0, EXAMPLES).map((row) => tasks.get(row.id, { pool: row.pool })));
    const examples = read.filter((task) => task !== null);
    const to = rates.to;
    const answer: Detail = {
      ...viewOf(shown, asked, to),
      ...{ from: to - last, to, step },
      steps: step === MINUTE ? shown.minutes : shown.hours,
      ended: last > HOURS_KEPT ? null : rates.completed + rates.failed,
      ...{ dead, selection, sampled: rows.length },
      hostCounts: counted(rows.map(({ host }) => host ?? "?")),
      tries: triesOf(rows),
      versions: hosts
        .filter(({ name }) => shown.hosts.includes(name))
        .map(({ name, version, startedAt }) => ({ host: name, version, startedAt })),
      before: startedBefore(hosts, shown.first),
      newest: examples.flatMap(({ error }) => error ?? [])[0] ?? null,
      examples: examples.map(exampleOf),
    };
    return context.json(asJson(answer), 200);
  });

  return app;
}

function viewOf(group: ErrorGroup, range: Range, to: number): Group {
  const { id, task, name, message, frame, first, last, hosts, pools } = group;
  const { last: span, bars: many, step } = RANGES[range];
  const from = to - span;
  const bars = Array.from({ length: many }, () => 0);
  for (const { at, count } of step === MINUTE ? group.minutes : group.hours) {
    const index = Math.min(many - 1, Math.max(0, Math.floor(((at - from) / span) * many)));
    bars[index] = (bars[index] ?? 0) + count;
  }
  // Hours are kept for 8 days; what began after the beginning is counted as a whole.
  const count = span > HOURS_KEPT && first >= from ? group.count : group.recent;
  return {
    ...{ id, task, frame, first, last, count, bars, hosts, pools },
    error: { name, message },
    total: group.count,
    trend: trendOf(bars, { count, isNew: first >= to - span / 4 }),
  };
}

/** What the second half of the time is to the first. */
function trendOf(bars: readonly number[], { count, isNew }: { count: number; isNew: boolean }): Group["trend"] {
  if (count <= 1) return "once";
  if (isNew) return "new";
  const half = Math.floor(bars.length / 2);
  const sum = (some: readonly number[]): number => some.reduce((total, value) => total + value, 0);
  const [before, after] = [sum(bars.slice(0, half)), sum(bars.slice(half))];
  if (after >= 1.5 * Math.max(1, before)) return "rising";
  return after <= before / 1.5 ? "falling" : "steady";
}

/** The tasks of a group by what they have in common: their name, and what of the message stays the same. */
function selectionOf({ task, name, message }: ErrorGroup): Detail["selection"] {
  return { task, state: "failed", error: literalPart(message) || name };
}

function counted(names: readonly string[]): { name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((left, right) => right.count - left.count);
}

function triesOf(rows: readonly { attemptsMade: number }[]): number[] {
  const most = Math.min(10, Math.max(0, ...rows.map(({ attemptsMade }) => attemptsMade)));
  return Array.from(
    { length: most },
    (_, index) => rows.filter(({ attemptsMade }) => attemptsMade === index + 1).length,
  );
}

function startedBefore(hosts: readonly HostRecord[], first: number): Detail["before"] {
  return hosts
    .filter(({ startedAt }) => startedAt <= first && startedAt >= first - SHORTLY)
    .map(({ name, startedAt }) => ({ name, at: startedAt }));
}

function exampleOf(task: TaskView): Detail["examples"][number] {
  const { id, name, pool, state, host, attemptsMade, createdAt, startedAt, finishedAt, failedReason } = task;
  const { tags, workflow, attempts, args } = task;
  return {
    ...{ id, name, pool, state, host, attemptsMade, createdAt, startedAt, finishedAt, failedReason },
    ...{ tags: [...tags], workflow, limit: task.limit, attempts, args },
  };
}
