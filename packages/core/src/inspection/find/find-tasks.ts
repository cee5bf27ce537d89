import { FINISHED_STATES, isFinished } from "../../work/submission/index.ts";
import type { FindSpec } from "./find-lua.ts";
import {
  type FindContext,
  type Found,
  type FoundPage,
  type FoundTask,
  type FoundTasks,
  foundOf,
  nameHosts,
  readPlaces,
  specOf,
  workersOf,
} from "./find-rows.ts";
import { findTasksInIndex, type Walk } from "./find-scripts.ts";
import { findFinished } from "./finished-tasks.ts";
import { type CheckedQuery, type Cursor, type FindState, writeCursor } from "./task-query.ts";
import { findUnnumbered, MOST_UNNUMBERED } from "./unnumbered-tasks.ts";

/** How long one page is searched, ms: then it ends with what was found. */
const PAGE_TIME = 450;
/** Of it, how long arguments and errors are searched for a text. */
const DEEP_TIME = 120;
/** Rows of one script, and work of one script, about microseconds of Redis. */
const STEP_ROWS = 200;
export const STEP_WORK = 1_500;

/** How long the search may take. */
export interface FindLimits {
  /** @defaultValue 450 ms for a page, of them 120 ms for arguments and errors */
  time?: number;
  /** Only tasks with a smaller number, and of those without one only what was submitted until then, epoch ms. */
  before?: { number: number; time: number };
  /** Most tasks of a pool and state that are looked at where the index does not know all. @defaultValue 5 000 */
  unnumbered?: number;
}

/** Finds one page of tasks. */
export async function findTasks(
  context: FindContext,
  query: CheckedQuery,
  limits: FindLimits = {},
): Promise<FoundTasks> {
  const { found, next, ...rest } = await findPage(context, query, limits);
  const cursor = next === null ? {} : { cursor: writeCursor(query.sort, next) };
  const partial = context.hidesArguments === true && query.text !== null ? withHidden(rest.partial) : rest.partial;
  return { tasks: found.map(({ task }) => task), ...cursor, ...(partial === undefined ? {} : { partial }) };
}

function withHidden(partial: string | undefined): string {
  const hidden = "arguments were not searched, because some are hidden";
  return partial === undefined ? hidden : `${partial}; ${hidden}`;
}

/** As {@link findTasks}, with the numbers of the tasks. */
export async function findPage(context: FindContext, query: CheckedQuery, limits: FindLimits = {}): Promise<FoundPage> {
  const startedAt = performance.now();
  const deadline = startedAt + (limits.time ?? PAGE_TIME);
  if (query.sort === "finished") return findFinished(context, query, deadline);
  const page = new Page(context, query, { before: limits.before, limited: await readLimited(context, query) });
  // At the same time: the way to Redis takes longer than both.
  const [beside] = await Promise.all([
    findBeside(context, query, { deadline, most: limits.unnumbered ?? MOST_UNNUMBERED }),
    page.readAhead(),
  ]);
  page.putBeside(beside.found);
  if (query.text !== null && limits.time === undefined) {
    await page.fill({ deadline: Math.min(deadline, startedAt + DEEP_TIME), isDeep: true });
    await page.fill({ deadline, isDeep: false });
  } else {
    await page.fill({ deadline, isDeep: true });
  }
  return page.result(beside.notes);
}

/** Tasks that are not found by their number: those that run, where the index does not say what runs, and unknown ones. */
async function findBeside(
  context: FindContext,
  query: CheckedQuery,
  { deadline, most }: { deadline: number; most: number },
): Promise<{ found: Found[]; notes: string[] }> {
  const spec: FindSpec = { ...specOf(context, query), deep: true };
  const [active, unnumbered, exact] = await Promise.all([
    asksForActive(query) ? findActive(context, query) : [],
    findUnnumbered(context, query, { spec, most, deadline }),
    query.exactId !== null && query.cursor === null ? findExact(context, spec, query.exactId) : [],
  ]);
  const seen = new Set<string>();
  const found = [...active, ...exact, ...unnumbered.found].filter(({ task }) => {
    const place = placeOf(task);
    if (seen.has(place)) return false;
    seen.add(place);
    return true;
  });
  const order = query.sort === "oldest" ? 1 : -1;
  found.sort((left, right) => order * compare(left.task, right.task));
  return { found, notes: unnumbered.notes };
}

/** What runs is told by BullMQ's lists, and where by heartbeats. */
function asksForActive({ states, host }: CheckedQuery): boolean {
  return states === null ? host !== null : states.includes("active");
}

/** Whether only what is blocked is asked for. */
function asksForBlocked({ states }: Pick<CheckedQuery, "states">): boolean {
  return states?.every((state) => state === "blocked") ?? false;
}

/** Pools in which limits hold tasks back, where that is asked for. */
async function readLimited({ client, keys, pools }: FindContext, query: CheckedQuery): Promise<Record<string, true>> {
  const searched = asksForBlocked(query) ? pools.filter((pool) => query.pool === null || pool === query.pool) : [];
  if (searched.length === 0) return {};
  const pipeline = client.pipeline();
  for (const pool of searched) pipeline.hexists(keys.limits(pool), "gated");
  const replies = (await pipeline.exec()) ?? [];
  return Object.fromEntries(searched.filter((_, place) => replies[place]?.[1] === 1).map((pool) => [pool, true]));
}

export async function findActive(context: FindContext, query: CheckedQuery): Promise<Found[]> {
  const { client, keys, pools, hosts } = context;
  const pipeline = client.pipeline();
  const searched = pools.filter((pool) => query.pool === null || pool === query.pool);
  for (const pool of searched) pipeline.lrange(keys.queue(pool, "active"), 0, -1);
  const replies = (await pipeline.exec()) ?? [];
  const places = searched.flatMap((pool, index) =>
    ((replies[index]?.[1] ?? []) as string[]).map((id) => [pool, id] as const),
  );
  const { host: _, ...spec } = specOf(context, { ...query, states: ["active"] });
  const { found } = await readPlaces(context, { ...spec, deep: true }, { places });
  nameHosts(found, hosts);
  const { host } = query;
  if (host === null) return found;
  const { begin, whole } = workersOf(host, hosts);
  return found.filter(
    ({ task, worker }) => task.host === host || worker === whole || (worker?.startsWith(begin) ?? false),
  );
}

async function findExact(context: FindContext, spec: FindSpec, id: string): Promise<Found[]> {
  const { found } = await readPlaces(context, spec, { places: context.pools.map((pool) => [pool, id] as const) });
  return found;
}

/** What one script has found, and where the next one goes on. */
interface Step {
  found: Found[];
  resume: number;
  isDone: boolean;
}

/** Collects the tasks of one page from the index and from beside it, in order. */
class Page {
  readonly #context: FindContext;
  readonly #query: CheckedQuery;
  #beside: Found[] = [];
  /** Places of tasks that are found beside the index: they are not told twice. */
  readonly #besidePlaces = new Set<string>();
  readonly #isDown: boolean;
  /** No task from this number on is meant. */
  readonly #end: number;
  readonly #tasks: Found[] = [];
  /** Found in the index, and not yet in the page. */
  #ahead: Found[] = [];
  /** Number behind which the index is to be read on, when nothing is ahead. */
  #resume: number;
  /** Where the page ends in the index. */
  #at: number;
  /** The records of the index were searched up to this number, for a text. */
  #told: number | null;
  #besideAt: Pick<Cursor, "time" | "place">;
  readonly #before: FindLimits["before"];
  /** As {@link Walk} has it. */
  readonly #limited: Record<string, true>;
  #first: Step | undefined;
  #isDone = false;
  #areRecordsDone = false;
  #isLate = false;
  #next = 0;

  constructor(
    context: FindContext,
    query: CheckedQuery,
    { before, limited }: { before: FindLimits["before"]; limited: Record<string, true> },
  ) {
    this.#context = context;
    this.#query = query;
    this.#before = before;
    this.#limited = limited;
    this.#end = before?.number ?? Number.MAX_SAFE_INTEGER;
    this.#isDown = query.sort !== "oldest";
    const { cursor } = query;
    this.#at = cursor?.number ?? (this.#isDown ? Number.MAX_SAFE_INTEGER : -1);
    this.#resume = this.#at;
    this.#told = cursor?.told ?? null;
    this.#besideAt = { time: cursor?.time ?? null, place: cursor?.place ?? "" };
    // What runs is all beside the index.
    this.#isDone = query.states?.every((state) => state === "active") ?? false;
  }

  /** Takes the first look into the index. */
  async readAhead(): Promise<void> {
    if (!this.#isDone) this.#first = await this.#read(this.#resume, true);
  }

  /** What is to be told between the tasks of the index. */
  putBeside(beside: readonly Found[]): void {
    const before = this.#before;
    const isMeant = ({ number, task }: Found): boolean =>
      !before || (number === null ? task.createdAt <= before.time : number < before.number);
    this.#beside = beside.filter((one) => isMeant(one) && this.#isBehind(one.task));
    for (const { task } of beside) this.#besidePlaces.add(placeOf(task));
  }

  async fill({ deadline, isDeep }: { deadline: number; isDeep: boolean }): Promise<void> {
    if (!isDeep && (this.#isDone || this.#isFull())) return;
    const far = isDeep ? this.#resume : this.#told === null ? this.#resume : this.#further(this.#resume, this.#told);
    let resume = far;
    let isDone = isDeep ? this.#isDone : false;
    let steps = 0;
    while (!this.#isFull()) {
      if (this.#ahead.length === 0 && !isDone) {
        if (steps > 0 && performance.now() > deadline) {
          this.#isLate = true;
          break;
        }
        steps += 1;
        const step = (isDeep && this.#first) || (await this.#read(resume, isDeep));
        this.#first = undefined;
        resume = step.resume;
        isDone = step.isDone;
        this.#ahead = step.found.filter(({ task }) => !this.#besidePlaces.has(placeOf(task)));
        if (this.#ahead.length === 0 && !isDone) {
          if (isDeep) this.#at = resume;
          continue;
        }
      }
      const indexed = this.#ahead[0];
      const beside = this.#beside[0];
      if (!indexed && !beside) break;
      if (beside && (!indexed || this.#comesFirst(beside, indexed))) {
        this.#beside.shift();
        this.#besideAt = { time: beside.task.createdAt, place: placeOf(beside.task) };
        this.#tasks.push(beside);
      } else if (indexed) {
        this.#ahead.shift();
        this.#tasks.push(indexed);
        if (isDeep) this.#at = indexed.number ?? this.#at;
        else this.#told = indexed.number ?? this.#told;
      }
    }
    const reached = this.#ahead.length === 0 ? resume : null;
    if (isDeep) {
      this.#isDone = isDone && this.#ahead.length === 0;
      this.#resume = reached ?? this.#at;
      if (reached !== null) this.#at = reached;
    } else {
      this.#areRecordsDone = isDone && this.#ahead.length === 0;
      if (reached !== null) this.#told = reached;
      this.#ahead = [];
    }
  }

  result(notes: readonly string[]): FoundPage {
    const isLast = this.#isDone && this.#ahead.length === 0 && this.#beside.length === 0;
    const next = isLast ? null : { ...this.#besideAt, number: this.#at, told: this.#told };
    const all = this.#isLate && !this.#isDone ? [this.#describeRest(), ...notes] : notes;
    const found = this.#tasks;
    nameHosts(found, this.#context.hosts);
    return {
      found,
      next,
      ...(all.length === 0 ? {} : { partial: all.join("; ") }),
    };
  }

  #describeRest(): string {
    const end = this.#isDown ? "newest" : "oldest";
    const searched = (number: number): number => (this.#isDown ? Math.max(0, this.#next - number) : number + 1);
    const { text } = this.#query;
    const more = "; the cursor goes on from there";
    if (text === null) return `searched the ${end} ${searched(this.#at)} of ${this.#next} tasks${more}`;
    const deep = `searched the arguments and errors of the ${end} ${searched(this.#at)} of ${this.#next} tasks`;
    if (this.#areRecordsDone) return `${deep}, and ids, names and tags of all${more}`;
    return `${deep}, and ids, names and tags of the ${end} ${searched(this.#told ?? this.#at)}${more}`;
  }

  async #read(resume: number, isDeep: boolean): Promise<Step> {
    const { client, keys } = this.#context;
    const { limit, text, exactId, idPrefix, states, host } = this.#query;
    const clauses = clausesOf(this.#context, this.#query);
    const walk: Walk = {
      ...clauses,
      is_down: this.#isDown,
      low: this.#isDown ? 0 : resume + 1,
      high: Math.min(this.#end, this.#isDown ? resume : Number.MAX_SAFE_INTEGER) - 1,
      // One more tells whether there is another page.
      limit: Math.min(STEP_ROWS, limit - this.#tasks.length + 1),
      budget: STEP_WORK,
      counts: false,
      blocked: asksForBlocked({ states }),
      limited: this.#limited,
      buckets: (idPrefix !== null || text !== null) && clauses.all.length === 0,
      told: text === null || !isDeep ? null : this.#told,
    };
    const spec: FindSpec = { ...specOf(this.#context, this.#query), deep: isDeep };
    const [isDone, at, , next, rows] = await findTasksInIndex.run(
      client,
      [keys.taskIndex, keys.indexTimes],
      [JSON.stringify(spec), JSON.stringify(walk)],
    );
    this.#next = next;
    const found = rows
      .map(foundOf)
      // Told first, or among what runs.
      .filter(({ task }) => (exactId === null || task.id !== exactId) && (host === null || task.state !== "active"));
    return { found, resume: at === -1 ? resume : at, isDone: isDone === 1 };
  }

  #isFull(): boolean {
    return this.#tasks.length >= this.#query.limit;
  }

  #further(one: number, other: number): number {
    return this.#isDown ? Math.min(one, other) : Math.max(one, other);
  }

  #comesFirst(beside: Found, indexed: Found): boolean {
    const { createdAt } = beside.task;
    return this.#isDown ? createdAt > indexed.task.createdAt : createdAt < indexed.task.createdAt;
  }

  /** Whether a task beside the index was not yet told by an earlier page. */
  #isBehind(task: FoundTask): boolean {
    const { time, place } = this.#besideAt;
    if (time === null) return true;
    const order = task.createdAt - time || (placeOf(task) > place ? 1 : placeOf(task) < place ? -1 : 0);
    return this.#isDown ? order < 0 : order > 0;
  }
}

type Clauses = Pick<Walk, "all" | "none">;

/** What has to hold of a number for a query; rows are looked at besides. */
export function clausesOf(context: FindContext, query: CheckedQuery): Clauses {
  const { pool, task, tag, host, states } = query;
  const all: string[][] = [];
  if (pool !== null) all.push([`p=${pool}`]);
  if (task !== null) all.push([`t=${task}`]);
  if (tag !== null) all.push([`g=${tag}`]);
  const { all: any, none } = stateClauses(states);
  all.push(...any);
  // A task whose host was lost waits again, and nothing was noted: states that it can have are looked at without the index.
  const hasEnded = states === null || states.every((state) => isFinished(state));
  if (host !== null && hasEnded) {
    const { begin } = workersOf(host, context.hosts);
    // Of hosts of the name, or of another kind of worker that is called so.
    all.push([...new Set([begin.split("/", 1)[0], host])].map((name) => `h=${name}`));
  }
  return { all, none: ["s=gone", ...none] };
}

/** A state is its own bit; waiting is what has none. The state of each row is read besides. */
function stateClauses(states: readonly FindState[] | null): Clauses {
  if (states === null) return { all: [], none: [] };
  if (states.every((state) => isFinished(state))) {
    return { all: [states.map((state) => `s=${state}`)], none: [] };
  }
  const none = FINISHED_STATES.filter((state) => !states.includes(state)).map((state) => `s=${state}`);
  if (states.every((state) => state === "delayed" || state === "prioritized")) {
    // A task with a priority keeps that bit while it is delayed.
    const others = states.includes("delayed") ? [] : ["s=delayed"];
    return { all: [states.map((state) => `s=${state}`)], none: [...none, ...others] };
  }
  if (states.every((state) => state === "waiting")) return { all: [], none: [...none, "s=delayed", "s=prioritized"] };
  return { all: [], none };
}

/** Names a task among all. */
function placeOf({ pool, id }: FoundTask): string {
  return `${pool}\n${id}`;
}

function compare(left: FoundTask, right: FoundTask): number {
  return left.createdAt - right.createdAt || (placeOf(left) > placeOf(right) ? 1 : -1);
}
