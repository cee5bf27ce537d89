import { got, ValueError } from "../errors/index.ts";
import { type AnyTask, announcedLimits } from "../tasks/index.ts";
import type { Milliseconds } from "../time/index.ts";
import { announcedTasks } from "../work/fleet/index.ts";
import { expiryMember } from "../work/results/expiries.ts";
import { DAY, type ErrorGroup, GROUPS_KEPT, MOST_GROUPS, readErrorGroups } from "../work/rollups/index.ts";
import {
  type CancelOutcome,
  type ChangeOutcome,
  cancelTask,
  DEFAULT_MAX_PAYLOAD,
  expireTask,
  findTaskPlace,
  isFinished,
  type PromoteOutcome,
  type RemoveOutcome,
  type RetryOutcome,
  SharedIdError,
  TASK_STATES,
  type TaskChange,
  type TaskPlace,
  type TaskRow,
  type TaskState,
  type TaskView,
} from "../work/submission/index.ts";
import { cancelTree, readWorkflow, toRow } from "../work/workflows/index.ts";
import {
  type Act,
  type BulkAction,
  type BulkChange,
  type BulkOptions,
  type BulkOutcome,
  checkQuery,
  countTasks,
  type FacetField,
  type Facets,
  type FindContext,
  type FoundTask,
  type FoundTasks,
  findFacets,
  findTasks,
  type JobPlace,
  meantBy,
  readStates,
  runBulk,
  type TaskQuery,
  type TaskSelection,
} from "./find/index.ts";
import { ObjectInspector, type ObjectView } from "./objects/index.ts";
import { assertText, type InspectorPlace, liveHosts } from "./place.ts";
import { findCauses, type TaskCauses } from "./task-causes.ts";
import {
  changeTask,
  checkChange,
  type LinesQuery,
  listTaskRows,
  mayBeBlocked,
  Pools,
  poolNames,
  type RatesQuery,
  type RawJob,
  type RelatedJob,
  type RelatedJobs,
  type RowDetails,
  readChildren,
  readCourse,
  readLines,
  readRates,
  readRawJob,
  readRowDetails,
  readRows,
  readTask,
  retryTask,
  shownState,
  type TaskFilter,
  type TaskLines,
  type TaskRateRow,
  type TaskRates,
  type Whereabouts,
  whereIs,
} from "./work/index.ts";

/** Where a task is looked for: ids are unique in their pool only. */
export interface InPool {
  /** @defaultValue all pools */
  pool?: string | undefined;
}

/** What new arguments are checked against. */
interface ChangeCheck {
  /** The task, with its schema. */
  definition?: AnyTask | undefined;
  /** Largest argument list, bytes. @defaultValue 1 MiB */
  maxPayload?: number | undefined;
}

/** Lines of a task's log, and where to go on reading. */
export interface TaskLog {
  lines: string[];
  /** Number of the line after the last one, from 0, also of those that are not kept any more. */
  next: number;
  /** Lines from the given one on that are not kept any more: a task keeps its last 1 000. */
  missed: number;
}

/** How long ids are searched for one that begins so, ms. */
const PREFIX_TIME: Milliseconds = 5_000;

/** Looks at tasks and steers them, whichever program submitted them (`mp.tasks`). Every answer is read afresh. */
export class TaskInspector {
  readonly #place: InspectorPlace;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
  }

  /**
   * Newest first, by the last thing that happened to them.
   * @throws ValueError for an unknown state
   */
  list(filter: TaskFilter = {}): Promise<TaskRow[]> {
    return this.#place.during(async () => {
      if (filter.state !== undefined && !TASK_STATES.includes(filter.state)) {
        throw new ValueError(`tasks have no state "${filter.state}"; they have ${TASK_STATES.join(", ")}`);
      }
      const { client, keys } = this.#place;
      const [pools, hosts] = await Promise.all([poolNames(client, keys), liveHosts(this.#place)]);
      return listTaskRows(client, keys, { filter, pools, hosts });
    });
  }

  /**
   * One page of the tasks for which everything holds that the query gives, the newest submission first. `cursor` of the answer
   * begins the next page: tasks that are submitted meanwhile neither shift nor repeat it. `partial` says in words what
   * was not searched.
   * @throws ValueError for a filter of an unknown name, or of a wrong type or range
   */
  find(query: TaskQuery = {}): Promise<FoundTasks> {
    return this.#place.during(async () => {
      const checked = checkQuery("tasks.find()", query);
      return findTasks(await this.#findContext(), checked);
    });
  }

  /**
   * How many tasks a query means. It looks at all of them, however long that takes.
   * @throws ValueError as {@link find}; the reason of the signal
   */
  count(query: TaskSelection = {}, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    return this.#place.during(async () => {
      const checked = checkQuery("tasks.count()", query, { paging: false });
      return countTasks(await this.#findContext(), checked, signal);
    });
  }

  /**
   * How many tasks a bulk action would be for: those of the query in a state that it can change.
   * @internal
   */
  countFor(action: BulkAction, query: TaskSelection): Promise<number> {
    return this.#place.during(async () => countTasks(await this.#findContext(), meantBy(action, query)));
  }

  /** The first of the tasks that {@link countFor} counts. @internal */
  findFor(action: BulkAction, query: TaskSelection, limit: number): Promise<FoundTasks> {
    return this.#place.during(async () => findTasks(await this.#findContext(), { ...meantBy(action, query), limit }));
  }

  /** Tasks whose id begins so, the newest first. @internal */
  findByPrefix(idPrefix: string, { pool, limit }: { limit: number } & InPool): Promise<FoundTask[]> {
    return this.#place.during(async () => {
      const checked = checkQuery("tasks.findByPrefix()", { limit, ...(pool === undefined ? {} : { pool }) });
      const page = await findTasks(await this.#findContext(), { ...checked, idPrefix }, { time: PREFIX_TIME });
      return page.tasks;
    });
  }

  /**
   * One task by its id; `<job>.<n>` is one call of a job that several calls share. Null when it is not kept.
   * @throws ValueError when several pools have a task of that id and none is given
   */
  get(id: string, { pool }: InPool = {}): Promise<TaskView | null> {
    return this.#place.during(async () => {
      const { client, keys } = this.#place;
      const [place, hosts] = await Promise.all([this.#find(id, pool), liveHosts(this.#place)]);
      if (!place) return null;
      const view = await readTask({ client, keys }, place, hosts);
      if (view === null || view.expiresAt === null || view.expiresAt > Date.now() || view.startedAt !== null)
        return view;
      const outcome = view.finishedAt === null ? await expireTask({ client, keys }, place) : "over";
      return outcome === "expired" ? readTask({ client, keys }, place, hosts) : view;
    });
  }

  /**
   * What happened to the calls of tasks lately, and how long it took: of all tasks, of one pool, of one task, or of one task
   * in one pool; as a whole and in steps of a minute (up to 3 hours) or an hour. Hosts write these figures once a second: what
   * a killed host did in its last second may be missing.
   * @throws ValueError for a `last` that is not 1 minute to 8 days, or a `step` that does not fit it
   */
  rates(query: RatesQuery = {}): Promise<TaskRates> {
    return this.#place.during(() => readRates(this.#place.client, this.#place.keys, query));
  }

  /**
   * The same for each task, the busiest first; each pool apart. At most 500 pairs of a pool and a task have figures of their
   * own, the others are in the row `other`.
   * @throws as {@link rates}
   */
  ratesByTask(query: Pick<RatesQuery, "pool" | "last"> = {}): Promise<TaskRateRow[]> {
    return this.#place.during(() => readRows(this.#place.client, this.#place.keys, query));
  }

  /**
   * Errors of the last try of tasks, in groups: one for each task, class, place in its code, and text without its numbers and
   * ids. The latest first.
   * @param query.last - Groups with an error in the last so many ms, up to 30 days; hours are kept for 8 days. @defaultValue a day
   * @param query.limit - Most groups, up to 1 000. @defaultValue 100
   * @throws ValueError for anything else
   */
  errorGroups(query: { last?: Milliseconds | undefined; limit?: number | undefined } = {}): Promise<ErrorGroup[]> {
    return this.#place.during(async () => {
      const { last = DAY, limit = 100 } = query;
      if (!(typeof last === "number" && last > 0 && last <= GROUPS_KEPT)) {
        throw new ValueError(`last must be ms, up to ${GROUPS_KEPT}, 30 days; got ${got(last)}`);
      }
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_GROUPS)) {
        throw new ValueError(`limit must be a whole number from 1 to ${MOST_GROUPS}; got ${got(limit)}`);
      }
      return readErrorGroups(this.#place.client, this.#place.keys, { last, limit });
    });
  }

  /**
   * Lines of its log, from the given one on (0 = the first); null when the task is not kept.
   * @throws ValueError as {@link get}
   */
  logs(id: string, options: { from?: number | undefined } & InPool = {}): Promise<TaskLog | null> {
    return this.#place.during(async () => {
      const { client, keys } = this.#place;
      const place = await this.#find(id, options.pool);
      if (!place) return null;
      const from = options.from ?? 0;
      const course = await readCourse({ client, keys }, place, from);
      if (!course) return null;
      const { first, lines } = course;
      return { lines, next: Math.max(from, first + lines.length), missed: Math.max(0, first - from) };
    });
  }

  /**
   * Lines of its log with their times and levels, searched; null when the task is not kept.
   * @throws ValueError as {@link get}
   */
  lines(id: string, { pool, ...query }: LinesQuery & InPool = {}): Promise<TaskLines | null> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      return place ? readLines(this.#place, place, query) : null;
    });
  }

  /**
   * Why a task does not go on: what it waits for, who has that, what that one waits for, up to the cause; null when it is not kept.
   * @throws ValueError as {@link get}
   * @internal
   */
  causes(
    id: string,
    { pool, objects }: InPool & { objects?: () => Promise<readonly ObjectView[]> } = {},
  ): Promise<TaskCauses | null> {
    return this.#place.during(async () => {
      const { client, keys, queues } = this.#place;
      const [task, hosts] = await Promise.all([this.get(id, { pool }), liveHosts(this.#place)]);
      if (!task) return null;
      return findCauses(task, {
        hosts,
        pool: (name) => new Pools(client, keys, queues).get(name, hosts),
        objects: objects ?? (() => new ObjectInspector({ client, keys }).list()),
      });
    });
  }

  /** What a list shows of the tasks of a page besides their rows, in their order. @internal */
  details(rows: readonly FoundTask[]): Promise<RowDetails[]> {
    return this.#place.during(async () => readRowDetails(this.#place, { rows, hosts: await liveHosts(this.#place) }));
  }

  /** States of many tasks in one reading, in their order; null = it is not kept. @internal */
  states(places: readonly JobPlace[]): Promise<(TaskState | null)[]> {
    return this.#place.during(async () => readStates({ ...this.#place, hosts: await liveHosts(this.#place) }, places));
  }

  /** Values of tasks and how many have each, as the index counts them. @internal */
  facets(query: { field: FacetField; text?: string | undefined; limit?: number | undefined }): Promise<Facets> {
    return this.#place.during(() => findFacets(this.#place, query));
  }

  /** The hash of its BullMQ job; null when it is not kept. @internal */
  raw(id: string, { pool }: InPool = {}): Promise<RawJob | null> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      return place ? readRawJob(this.#place, place) : null;
    });
  }

  /** Its children, and jobs of a flow of BullMQ that it waits for; null when it is not kept. @internal */
  related(id: string, { pool }: InPool = {}): Promise<RelatedJobs | null> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      return place ? this.#related(place) : null;
    });
  }

  /**
   * Cancels a task: one that waits leaves the line, one that runs is stopped by its host. It stays in the history, as
   * `cancelled`.
   * @throws ValueError as {@link get}
   */
  cancel(id: string, options?: { reason?: string | undefined } & InPool): Promise<CancelOutcome>;
  /**
   * Cancels all tasks of a query, in steps, or resumes that. Without a `state`: all that wait or run. Tasks that are submitted
   * after it has begun are not meant.
   * @throws ValueError for a query without a filter, or an action that cannot be resumed; the reason of the signal
   */
  cancel(query: TaskSelection, options?: { reason?: string | undefined } & BulkOptions): Promise<BulkOutcome>;
  cancel(
    which: string | TaskSelection,
    options: { reason?: string | undefined } & InPool & BulkOptions = {},
  ): Promise<CancelOutcome | BulkOutcome> {
    if (isQuery(which)) {
      return this.#bulk("cancel", which, {
        ...options,
        act: async ({ id, pool }) => {
          const outcome = await this.#cancelAt({ pool, jobId: id, unit: null }, options.reason);
          return outcome.outcome === "finished" ? `it is ${outcome.state}` : missing(outcome);
        },
      });
    }
    return this.#cancelOne(which, options);
  }

  #cancelOne(id: string, options: { reason?: string | undefined } & InPool): Promise<CancelOutcome> {
    return this.#place.during(async () => {
      const place = await this.#find(id, options.pool);
      return place ? this.#cancelAt(place, options.reason) : { outcome: "unknown" };
    });
  }

  async #cancelAt(place: TaskPlace, reason: string = "cancelled by request"): Promise<CancelOutcome> {
    const { client, keys } = this.#place;
    const withdrawal = await cancelTree({ client, keys }, place, { reason });
    const { pool } = place;
    if (withdrawal === "unknown") return { outcome: "unknown" };
    if (withdrawal === "withdrawn") return { outcome: "removed", pool };
    if (withdrawal !== "marked" && withdrawal !== "running") return { outcome: "finished", pool, state: withdrawal };
    const running = (await liveHosts(this.#place)).find((host) =>
      host.running.some((run) => run.pool === pool && run.jobId === place.jobId),
    );
    return { outcome: "stopping", pool, host: running?.name ?? null };
  }

  /**
   * Puts a failed or cancelled task back into its queue, with all its attempts.
   * @throws ValueError as {@link get}, and for a step of a workflow: the workflow is what can be retried
   */
  retry(id: string, options?: InPool): Promise<RetryOutcome>;
  /** Retries all tasks of a query, as {@link cancel} cancels them. Without a `state`: all failed and cancelled ones. */
  retry(query: TaskSelection, options?: BulkOptions): Promise<BulkOutcome>;
  retry(which: string | TaskSelection, options: InPool & BulkOptions = {}): Promise<RetryOutcome | BulkOutcome> {
    if (isQuery(which)) {
      return this.#bulk("retry", which, {
        ...options,
        act: async ({ id, pool }) => {
          const outcome = await this.retry(id, { pool });
          return outcome.outcome === "not-failed" ? `it is ${outcome.state}` : missing(outcome);
        },
      });
    }
    return this.#retryOne(which, options);
  }

  #retryOne(id: string, { pool }: InPool): Promise<RetryOutcome> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      if (!place) return { outcome: "unknown" };
      const { client, keys } = this.#place;
      return retryTask({ client, keys }, place);
    });
  }

  /**
   * Where a task is now; `unknown` when it is not kept.
   * @throws ValueError as {@link get}
   */
  state(id: string, { pool }: InPool = {}): Promise<TaskState> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      return place ? this.#stateOf(place) : "unknown";
    });
  }

  /**
   * Has a delayed task start now.
   * @throws ValueError as {@link get}
   */
  promote(id: string, options?: InPool): Promise<PromoteOutcome>;
  /** Promotes all tasks of a query, as {@link cancel} cancels them. Without a `state`: all delayed ones. */
  promote(query: TaskSelection, options?: BulkOptions): Promise<BulkOutcome>;
  promote(which: string | TaskSelection, options: InPool & BulkOptions = {}): Promise<PromoteOutcome | BulkOutcome> {
    if (isQuery(which)) {
      return this.#bulk("promote", which, {
        ...options,
        act: async ({ id, pool }) => {
          const outcome = await this.promote(id, { pool });
          return outcome.outcome === "not-delayed" ? `it is ${outcome.state}` : missing(outcome);
        },
      });
    }
    return this.#promoteOne(which, options);
  }

  #promoteOne(id: string, { pool }: InPool): Promise<PromoteOutcome> {
    return this.#place.during(async () => {
      const place = await this.#find(id, pool);
      const job = place && (await this.#place.queues.get(place.pool).getJob(place.jobId));
      if (!job) return { outcome: "unknown" };
      // A parked one is among BullMQ's delayed ones, and would only be parked again.
      const before = await this.#stateOf(place);
      if (before === "blocked") return { outcome: "not-delayed", pool: place.pool, state: before };
      try {
        await job.promote();
        return { outcome: "queued", pool: place.pool };
      } catch (error) {
        const state = await this.#stateOf(place);
        if (state === "delayed") throw error;
        return { outcome: "not-delayed", pool: place.pool, state };
      }
    });
  }

  /**
   * Changes a task that has not started.
   * @throws ValueError as {@link get}; for a bad change, or one call of a job that holds several
   */
  change(id: string, change: TaskChange, options?: InPool & ChangeCheck): Promise<ChangeOutcome>;
  /**
   * Changes priority or delay of all tasks of a query, as {@link cancel} cancels them. Without a `state`: all that have not
   * started. What is resumed makes the change that it began with.
   */
  change(query: TaskSelection, change: BulkChange, options?: BulkOptions): Promise<BulkOutcome>;
  change(
    which: string | TaskSelection,
    change: TaskChange,
    options: InPool & ChangeCheck & BulkOptions = {},
  ): Promise<ChangeOutcome | BulkOutcome> {
    if (isQuery(which)) return this.#changeMany(which, change, options);
    return this.#changeOne(which, change, options);
  }

  async #changeMany(query: TaskSelection, change: TaskChange, options: InPool & BulkOptions): Promise<BulkOutcome> {
    if (options.resume === undefined) checkChange(change);
    if (change?.args !== undefined) {
      throw new ValueError("tasks.change() of a query changes priority and delay; arguments are those of one task");
    }
    return this.#bulk("change", query, {
      ...options,
      change: options.resume === undefined ? change : undefined,
      act: async ({ id, pool }, wanted) => {
        const outcome = await this.#changeOne(id, wanted ?? change, { pool });
        return outcome.outcome === "not-waiting" ? `it is ${outcome.state}` : missing(outcome);
      },
    });
  }

  #changeOne(id: string, change: TaskChange, options: InPool & ChangeCheck): Promise<ChangeOutcome> {
    return this.#place.during(async () => {
      const { definition, maxPayload = DEFAULT_MAX_PAYLOAD } = options;
      const place = await this.#find(id, options.pool);
      if (!place) return { outcome: "unknown" };
      const isKeyed = async (task: string): Promise<boolean> =>
        announcedLimits(announcedTasks(await liveHosts(this.#place)).get(task))?.keyed ?? false;
      return changeTask(this.#place, place, { change, definition, isKeyed, maxPayload });
    });
  }

  /**
   * Removes a task that does not run, with its outcome. One that waits leaves its queue, and what waits for it gets a
   * CancelledError.
   * @throws ValueError as {@link get}; for one call of a job that holds several
   */
  remove(id: string, options?: InPool): Promise<RemoveOutcome>;
  /** Removes all tasks of a query, as {@link cancel} cancels them; those that run are refused. */
  remove(query: TaskSelection, options?: BulkOptions): Promise<BulkOutcome>;
  remove(which: string | TaskSelection, options: InPool & BulkOptions = {}): Promise<RemoveOutcome | BulkOutcome> {
    if (isQuery(which)) {
      return this.#bulk("remove", which, {
        ...options,
        act: async ({ id, pool }) => {
          const outcome = await this.remove(id, { pool });
          return outcome.outcome === "running" ? "it runs" : missing(outcome);
        },
      });
    }
    return this.#removeOne(which, options);
  }

  #removeOne(id: string, options: InPool): Promise<RemoveOutcome> {
    return this.#place.during(async () => {
      const place = await this.#find(id, options.pool);
      if (!place) return { outcome: "unknown" };
      const { client, keys, queues } = this.#place;
      const { pool, jobId, unit } = place;
      if (unit !== null) {
        throw new ValueError(
          `task ${id} is one call of job ${jobId}, which is removed as a whole: give its id, ${jobId}`,
        );
      }
      const withdrawal = await cancelTask({ client, keys }, place, {
        reason: "removed by request",
        waitingOnly: true,
      });
      if (withdrawal === "unknown") return { outcome: "unknown" };
      const job = withdrawal === "running" ? undefined : await queues.get(pool).getJob(jobId);
      if (withdrawal === "withdrawn" && !job) return { outcome: "removed", pool };
      if (withdrawal !== "running" && !job) return { outcome: "unknown" };
      // A tool may have it run again at this moment: BullMQ removes nothing that runs.
      const isRemoved = await job?.remove().then(
        () => true,
        () => false,
      );
      if (isRemoved) {
        await client.zrem(keys.cancelled(pool), jobId);
        return { outcome: "removed", pool };
      }
      if (!(await queues.get(pool).getJob(jobId))) return { outcome: "unknown" };
      const running = (await liveHosts(this.#place)).find((host) =>
        host.running.some((run) => run.pool === pool && run.jobId === jobId),
      );
      return { outcome: "running", pool, host: running?.name ?? null };
    });
  }

  async #related(place: TaskPlace): Promise<RelatedJobs> {
    const { client, keys } = this.#place;
    const { found, count } = await readChildren({ client, keys }, place);
    const places = found.flatMap(({ pool, id }) => (pool === null ? [] : [[pool, id] as const]));
    const states = await readStates({ client, keys, hosts: await liveHosts(this.#place) }, places);
    const stateOf = new Map(places.map(([pool, id], index) => [`${pool}/${id}`, states[index] ?? null]));
    const children = await Promise.all(
      found.map(async ({ pool, id, isDone, isFlow }): Promise<RelatedJob[]> => {
        const workflow = pool === null ? await readWorkflow({ client, keys }, id) : null;
        const state = workflow ? toRow(workflow).state : (stateOf.get(`${pool}/${id}`) ?? null);
        // The id that a child was to have is noted also where deduplication has given it another one.
        if (state === null && !isFlow) return [];
        return [{ pool, id, state, isDone: isDone || (state !== null && isFinished(state)) }];
      }),
    );
    return { children: children.flat(), count };
  }

  /** Where it is kept; null when it is not. @internal */
  findPlace(id: string, { pool }: InPool = {}): Promise<TaskPlace | null> {
    return this.#place.during(() => this.#find(id, pool));
  }

  /** Where the job at that place is now. @internal */
  stateAt(place: TaskPlace): Promise<TaskState> {
    return this.#stateOf(place);
  }

  #bulk(
    action: BulkAction,
    query: TaskSelection,
    { act, change, ...options }: InPool & BulkOptions & { act: Act; change?: BulkChange | undefined },
  ): Promise<BulkOutcome> {
    return this.#place.during(async () => {
      if (options.pool !== undefined) {
        throw new ValueError(`tasks.${action}() of a query takes its pool: { pool: ${got(options.pool)}, … }`);
      }
      return runBulk(await this.#findContext(), { action, query, options, act, change });
    });
  }

  async #findContext(): Promise<FindContext> {
    const { client, keys, hidesArguments } = this.#place;
    const [pools, hosts] = await Promise.all([poolNames(client, keys), liveHosts(this.#place)]);
    return { client, keys, pools, hosts, hidesArguments };
  }

  async #stateOf(place: TaskPlace): Promise<TaskState> {
    const { client, keys } = this.#place;
    let where = await whereIs(client, keys, place);
    if (await this.#expires(place, where)) where = await whereIs(client, keys, place);
    return mayBeBlocked(where) ? shownState(where, await liveHosts(this.#place)) : where.state;
  }

  /** Ends a task that has expired and that no host has looked at since. @returns whether it did */
  async #expires({ pool, jobId }: TaskPlace, where: Whereabouts): Promise<boolean> {
    if (!mayBeBlocked(where) && where.state !== "delayed") return false;
    const { client, keys } = this.#place;
    const at = await client.zscore(keys.expiries, expiryMember(pool, jobId));
    if (at === null || Number(at) > Date.now()) return false;
    return (await expireTask({ client, keys }, { pool, jobId })) === "expired";
  }

  async #find(id: string, pool: string | undefined): Promise<TaskPlace | null> {
    assertText("the id of a task", id);
    const { client, keys } = this.#place;
    if (pool !== undefined) return findTaskPlace(client, keys, { id, pools: [pool] });
    const [place, workflows] = await Promise.all([
      poolNames(client, keys)
        .then((pools) => findTaskPlace(client, keys, { id, pools }))
        .catch((error: unknown) => {
          if (error instanceof SharedIdError) return error;
          throw error;
        }),
      client.exists(keys.workflow(id)),
    ]);
    if (place instanceof SharedIdError) {
      throw new SharedIdError(place.message, { pools: place.pools, isOfWorkflow: workflows > 0 });
    }
    if (place?.jobId !== id || workflows === 0) return place;
    throw new SharedIdError(
      `a task in pool "${place.pool}" and a workflow have the id "${id}"; say that the task is meant: --pool ${place.pool}, or { pool: "${place.pool}" } in a program; for the workflow: manyhands workflow show ${id}, or mp.workflows.get(${JSON.stringify(id)})`,
      { pools: [place.pool], isOfWorkflow: true },
    );
  }
}

/** A task is named by its id, and several by a query. */
function isQuery(which: unknown): which is TaskSelection {
  return typeof which === "object" && which !== null;
}

/** Why a task of a bulk action could not be changed: it was removed meanwhile. */
function missing({ outcome }: { outcome: string }): string | undefined {
  return outcome === "unknown" ? "it is gone" : undefined;
}
