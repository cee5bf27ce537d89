import type { QueryValue } from "../../api/call.ts";
import type { TaskSearch } from "../../router.tsx";
import type { Words } from "../../words/index.ts";

/** Filters of tasks, in the order in which they are offered. */
export const FILTERS = [
  ...(["pool", "state", "task", "host", "tag", "workflow"] as const),
  ...(["since", "until", "error", "text"] as const),
] as const;
export type Filter = (typeof FILTERS)[number];

export const STATES = [
  ...(["waiting", "blocked", "prioritized", "delayed", "active", "completed", "failed", "cancelled"] as const),
  "waiting-children",
] as const;
export const ORDERS = ["newest", "oldest", "finished"] as const;
export type Order = (typeof ORDERS)[number];
const FINISHED: readonly string[] = ["completed", "failed", "cancelled"];

const LONGEST = 1_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What is wrong with a filter of the address. */
export interface FilterProblem {
  filter: Filter | "sort";
  message: string;
}

/**
 * The time that a filter names: so long ago (`90s`, `15min`, `24h`, `7d`), a date with or without a time, or epoch ms.
 * @returns epoch ms, or null when it names none
 */
export function timeOf(text: string, now: number): number | null {
  const [, many, unit] = /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d)$/.exec(text.trim()) ?? [];
  if (many !== undefined && unit !== undefined) return Math.round(now - Number(many) * (UNITS[unit] ?? 0));
  if (/^\d{10,16}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** Checks the filters of the address, before the API is asked. */
export function problemsOf(search: TaskSearch, said: Words["tasks"]["problems"]): FilterProblem[] {
  const problems: FilterProblem[] = [];
  const { state, since, until, sort, pool } = search;
  for (const filter of FILTERS) {
    if ((search[filter] ?? "").length > LONGEST) problems.push({ filter, message: said.tooLong(filter, LONGEST) });
  }
  const unknown = statesOf(state).find((one) => !(STATES as readonly string[]).includes(one));
  if (unknown !== undefined) problems.push({ filter: "state", message: said.state(unknown, STATES.join(", ")) });
  if (pool !== undefined && !/^[\w.-]{1,200}$/.test(pool)) problems.push({ filter: "pool", message: said.pool(pool) });
  const times = { since, until };
  for (const filter of ["since", "until"] as const) {
    const text = times[filter];
    if (text !== undefined && timeOf(text, 0) === null) problems.push({ filter, message: said.time(filter, text) });
  }
  const [from, to] = [since, until].map((text) => (text === undefined ? null : timeOf(text, Date.now())));
  if (from !== null && from !== undefined && to !== null && to !== undefined && from > to) {
    problems.push({ filter: "until", message: said.order(since ?? "", until ?? "") });
  }
  if (sort !== undefined && !(ORDERS as readonly string[]).includes(sort)) {
    problems.push({ filter: "sort", message: said.sort(sort, ORDERS.join(", ")) });
  }
  if (sort === "finished" && (pool === undefined || !areFinished(state))) {
    problems.push({ filter: "sort", message: said.finished });
  }
  return problems;
}

/** Whether tasks of the query can be sorted by their end. */
export function isFinishedOrderFor({ pool, state }: TaskSearch): boolean {
  return pool !== undefined && areFinished(state);
}

/** The states of a filter, which has commas between several. */
export function statesOf(state: string | undefined): string[] {
  return state === undefined ? [] : state.split(",").map((one) => one.trim());
}

function areFinished(state: string | undefined): boolean {
  return statesOf(state).every((one) => FINISHED.includes(one));
}

/** The filters as the API takes them. */
export function queryOf(search: TaskSearch, now: number): Record<string, QueryValue> {
  const { since, until, state, sort: _, ...rest } = search;
  return {
    ...rest,
    ...(state !== undefined && { state: statesOf(state).join(",") }),
    ...(since !== undefined && { since: timeOf(since, now) }),
    ...(until !== undefined && { until: timeOf(until, now) }),
  };
}

export function hasFilters(search: TaskSearch): boolean {
  return FILTERS.some((filter) => search[filter] !== undefined);
}

/** Whether the index alone can count what a query means. */
export function isCountCheap({ host, workflow, since, until, error, text, state }: TaskSearch): boolean {
  if ([host, workflow, since, until, error, text].some((filter) => filter !== undefined)) return false;
  return areFinished(state) || (statesOf(state).length === 1 && state !== "blocked");
}
