import { got, nearNames, ValueError } from "../../errors/index.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import { isFinished } from "../../work/submission/index.ts";

/** States by which tasks are found. */
export const FIND_STATES: readonly FindState[] = [
  ...(["waiting", "delayed", "prioritized", "blocked", "active", "completed", "failed", "cancelled"] as const),
  "waiting-children",
];

/**
 * A state by which tasks are found. `waiting` and `prioritized` hold the blocked ones as well: `blocked` are those of them whose
 * task no live host of the pool announces, or that a limit holds back. `waiting-children`: a job of a flow of BullMQ.
 */
export type FindState =
  | "waiting"
  | "delayed"
  | "prioritized"
  | "blocked"
  | "active"
  | "completed"
  | "failed"
  | "cancelled"
  | "waiting-children";

/** `finished`: the last that ended comes first, of one pool. */
export type FindOrder = "newest" | "oldest" | "finished";
export const FIND_ORDERS: readonly FindOrder[] = ["newest", "oldest", "finished"];

/** Which tasks are meant: those for which everything holds that is given. */
export interface TaskQuery {
  pool?: string | undefined;
  /** In this state, or in one of these. */
  state?: FindState | readonly FindState[] | undefined;
  /** Name of the task. */
  task?: string | undefined;
  /** Name of a host that runs the task, or ran it when it ended; or the id of a live one. */
  host?: string | undefined;
  tag?: string | undefined;
  /** Id of a workflow: its steps that are, or were, in line. */
  workflow?: string | undefined;
  /** Submitted at this time or later, epoch ms. */
  since?: number | Date | undefined;
  /** Submitted at this time or earlier, epoch ms. */
  until?: number | Date | undefined;
  /**
   * Part of the class or of the message of the error with which the last try ended; case does not matter. Without a `state`,
   * only of failed tasks.
   */
  error?: string | undefined;
  /** Part of an id, of a task's name, of a tag, of arguments or of an error message; case does not matter. */
  text?: string | undefined;
  /** Most tasks of a page. @defaultValue 50 */
  limit?: number | undefined;
  /** Where the page begins: `cursor` of the page before it. */
  cursor?: string | undefined;
  /** By time of submission, or of finishing within one pool. @defaultValue "newest" */
  sort?: FindOrder | undefined;
}

/** Which tasks a bulk action is for. */
export type TaskSelection = Omit<TaskQuery, "limit" | "cursor" | "sort">;

/** Most tasks of one page. */
export const LARGEST_PAGE = 10_000;
const DEFAULT_PAGE = 50;
/** Longest text of a filter, characters. */
const LONGEST_TEXT = 1_000;

/** A query that was checked, with what it leaves out. */
export interface CheckedQuery {
  pool: string | null;
  states: readonly FindState[] | null;
  task: string | null;
  host: string | null;
  tag: string | null;
  workflow: string | null;
  since: number | null;
  until: number | null;
  /** ASCII letters in lower case, as scripts compare. */
  error: string | null;
  text: string | null;
  /** The text as it was given: what may be an id. */
  exactId: string | null;
  /** What the id begins with. */
  idPrefix: string | null;
  limit: number;
  cursor: Cursor | null;
  sort: FindOrder;
}

/** Where a page begins. */
export interface Cursor {
  /** Number of the last task that was looked at. */
  number: number;
  /** Submission of the last task without a number, ms, and its place: those come in order of time. */
  time: number | null;
  place: string;
  /** Of a search for a text: up to this number the records alone were searched, and what they have was told. */
  told: number | null;
}

const FILTERS = ["pool", "state", "task", "host", "tag", "workflow", "since", "until", "error", "text"] as const;
const PAGING = ["limit", "cursor", "sort"] as const;

/** Who asks: a program, or a command line. */
interface Asker {
  /** What messages begin with, such as `tasks.find(): `. */
  what: string;
  /** What they call a filter. */
  name(filter: string): string;
  /** How they show a time, epoch ms. */
  moment(time: number): string | number;
  /** What they call the cursor that is wanted. */
  wanted: string;
  /** What a list within one pool needs. */
  pool: string;
}

/**
 * Checks a query: the only door for it, whichever way it comes.
 * @param what - Who asks, for messages, such as `tasks.find()`.
 * @param options.paging - false: `limit`, `cursor` and `sort` are not taken.
 * @throws ValueError that says what is wrong, what was given and what to give
 */
export function checkQuery(what: string, query: unknown, options: { paging?: boolean } = {}): CheckedQuery {
  const asker: Asker = {
    what: `${what}: `,
    name: (filter) => filter,
    moment: (at) => at,
    wanted: "the cursor of the page before",
    pool: "a pool",
  };
  return check(asker, query, { what, ...options });
}

/**
 * As {@link checkQuery}, for a query of options of a command line: messages speak of these.
 * @throws ValueError
 */
export function checkQueryOptions(query: object, options: { paging?: boolean } = {}): CheckedQuery {
  const asker: Asker = {
    what: "",
    name: (filter) => `--${filter}`,
    moment: (at) => new Date(at).toISOString(),
    wanted: "what an earlier list named",
    pool: "--pool",
  };
  return check(asker, query, { what: "the command", ...options });
}

function check(
  asker: Asker,
  query: unknown,
  { what, paging = true }: { what: string; paging?: boolean },
): CheckedQuery {
  const known: readonly string[] = paging ? [...FILTERS, ...PAGING] : FILTERS;
  if (typeof query !== "object" || query === null || Array.isArray(query) || query instanceof Date) {
    throw new ValueError(`${what} takes a query such as { state: "failed" }; got ${got(query)}`);
  }
  const given = query as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const [near] = nearNames(name, known);
    const advice = near === undefined ? `it takes ${known.join(", ")}` : `did you mean ${near}?`;
    throw new ValueError(`${what} has no filter ${got(name)}; ${advice}`);
  }
  const pool = text(asker, given, "pool");
  if (pool !== null) assertPoolName(pool);
  const states = stateList(asker, given);
  const cursor = parseCursor(asker, text(asker, given, "cursor"));
  const sort = oneOf(asker, given, { name: "sort", names: FIND_ORDERS }) ?? cursor?.sort ?? "newest";
  const { name } = asker;
  const [since, until] = [time(asker, given, "since"), time(asker, given, "until")];
  if (since !== null && until !== null && since > until) {
    throw new ValueError(
      `${asker.what}${name("since")} must not be later than ${name("until")}; got ${asker.moment(since)} and ${asker.moment(until)}`,
    );
  }
  const workflow = text(asker, given, "workflow");
  const checked: CheckedQuery = {
    pool,
    states: states ?? (given["error"] === undefined ? null : ["failed"]),
    task: text(asker, given, "task"),
    host: text(asker, given, "host"),
    tag: text(asker, given, "tag"),
    workflow,
    since,
    until,
    error: lowered(text(asker, given, "error")),
    text: lowered(text(asker, given, "text")),
    exactId: text(asker, given, "text"),
    idPrefix: workflow === null ? null : `${workflow}.`,
    limit: count(asker, given, "limit") ?? DEFAULT_PAGE,
    cursor: cursor?.at ?? null,
    sort,
  };
  if (sort === "finished") {
    if (pool === null) {
      throw new ValueError(`${asker.what}${name("sort")} "finished" is the order within one pool: give ${asker.pool}`);
    }
    const other = states?.find((state) => !isFinished(state));
    if (other !== undefined) {
      throw new ValueError(
        `${asker.what}${name("sort")} "finished" is for completed, failed or cancelled tasks; got ${name("state")} "${other}"`,
      );
    }
  }
  if (cursor && cursor.sort !== sort) {
    throw new ValueError(
      `${asker.what}the ${name("cursor")} ${got(given["cursor"])} is of a list with ${name("sort")} "${cursor.sort}", and ${name("sort")} is "${sort}"; use one of both`,
    );
  }
  return checked;
}

export function writeCursor(sort: FindOrder, { number, time, place, told }: Cursor): string {
  const parts = [sort, number, time ?? "", told ?? ""].join("_");
  return place === "" ? parts : `${parts}_${Buffer.from(place).toString("base64url")}`;
}

function parseCursor(asker: Asker, cursor: string | null): { sort: FindOrder; at: Cursor } | null {
  if (cursor === null) return null;
  const [, order, number, at = "", told = "", place = ""] =
    /^([a-z]+)_(-?\d{1,16})_(\d{0,16})_(\d{0,16})(?:_([A-Za-z0-9_-]+))?$/.exec(cursor) ?? [];
  const sort = FIND_ORDERS.find((one) => one === order);
  if (sort === undefined) {
    throw new ValueError(`${asker.what}${asker.name("cursor")} must be ${asker.wanted}; got ${got(cursor)}`);
  }
  return {
    sort,
    at: {
      number: Number(number),
      time: at === "" ? null : Number(at),
      told: told === "" ? null : Number(told),
      place: Buffer.from(place, "base64url").toString(),
    },
  };
}

/** Scripts compare bytes, and know the case of ASCII letters alone. */
function lowered(value: string | null): string | null {
  return value?.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) ?? null;
}

function text(asker: Asker, given: Record<string, unknown>, name: string): string | null {
  const value = given[name];
  if (value === undefined) return null;
  if (typeof value !== "string" || value === "") {
    throw new ValueError(`${asker.what}${asker.name(name)} must be a text; got ${got(value)}`);
  }
  if (value.length <= LONGEST_TEXT) return value;
  throw new ValueError(`${asker.what}${asker.name(name)} has at most ${LONGEST_TEXT} characters; got ${value.length}`);
}

/** One state, or several: each once, in the order of {@link FIND_STATES}. */
function stateList(asker: Asker, given: Record<string, unknown>): FindState[] | null {
  const { state } = given;
  if (!Array.isArray(state)) {
    const one = oneOf(asker, given, { name: "state", names: FIND_STATES });
    return one === null ? null : [one];
  }
  if (state.length === 0) {
    throw new ValueError(
      `${asker.what}${asker.name("state")} must be one or several of ${FIND_STATES.join(", ")}; got none`,
    );
  }
  const several = state.map((one: unknown) =>
    oneOf(asker, { state: one ?? null }, { name: "state", names: FIND_STATES }),
  );
  return FIND_STATES.filter((one) => several.includes(one));
}

function oneOf<Name extends string>(
  asker: Asker,
  given: Record<string, unknown>,
  { name, names }: { name: string; names: readonly Name[] },
): Name | null {
  const value = given[name];
  if (value === undefined) return null;
  if (names.includes(value as Name)) return value as Name;
  const [near] = typeof value === "string" ? nearNames(value, names) : [];
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new ValueError(`${asker.what}${asker.name(name)} must be one of ${names.join(", ")}; got ${got(value)}${hint}`);
}

function time(asker: Asker, given: Record<string, unknown>, name: string): number | null {
  const value = given[name];
  if (value === undefined) return null;
  const at = value instanceof Date ? value.getTime() : value;
  // The range of Date.
  if (typeof at === "number" && Number.isFinite(at) && Math.abs(at) <= 8.64e15) return at;
  const shown = value instanceof Date ? "an invalid Date" : got(value);
  throw new ValueError(`${asker.what}${asker.name(name)} must be a Date or a time in ms since the epoch; got ${shown}`);
}

function count(asker: Asker, given: Record<string, unknown>, name: string): number | null {
  const value = given[name];
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= LARGEST_PAGE)
    return value as number;
  throw new ValueError(
    `${asker.what}${asker.name(name)} must be a whole number from 1 to ${LARGEST_PAGE}; got ${got(value)}`,
  );
}
