import { type CallForm, strictCalls } from "../../checks/index.ts";
import { resultPromise, TaskUnknownError, TimeoutError } from "../../errors/index.ts";
import type { AnyTask } from "../../tasks/index.ts";
import { type Milliseconds, PATIENCE, type Patience } from "../../time/index.ts";
import { type TaskUpdate, UPDATES, type UpdateOptions } from "./task-update.ts";
import type {
  CancelOutcome,
  ChangeOutcome,
  PromoteOutcome,
  RemoveOutcome,
  RetryOutcome,
  TaskChange,
  TaskState,
  TaskView,
} from "./task-view.ts";
import type {
  TreeOptions,
  WorkflowCancelOutcome,
  WorkflowRemoveOutcome,
  WorkflowRetryOutcome,
  WorkflowTree,
} from "./workflow-tree.ts";

/** Where a task is looked for: ids are unique in their pool only. */
interface InPool {
  pool?: string | undefined;
  /** The id is that of a workflow. Absent: that of a task, or else of a workflow. */
  isWorkflow?: boolean | undefined;
}

type CancelAnswer = CancelOutcome | WorkflowCancelOutcome;
type RetryAnswer = RetryOutcome | WorkflowRetryOutcome;
type RemoveAnswer = RemoveOutcome | WorkflowRemoveOutcome;

/** What looks at tasks and steers them. */
export interface TaskDesk {
  state(id: string, options: InPool): Promise<TaskState>;
  get(id: string, options: InPool): Promise<TaskView | null>;
  cancel(id: string, options: { reason?: string | undefined } & InPool): Promise<CancelAnswer>;
  retry(id: string, options: InPool): Promise<RetryAnswer>;
  promote(id: string, options: InPool): Promise<PromoteOutcome>;
  remove(id: string, options: InPool): Promise<RemoveAnswer>;
  change(id: string, change: TaskChange, options: InPool & { definition: AnyTask | undefined }): Promise<ChangeOutcome>;
  tree(id: string, options: InPool & TreeOptions): Promise<WorkflowTree | null>;
  updates(id: string, options: InPool & UpdateOptions): AsyncGenerator<TaskUpdate, void, undefined>;
  /** @throws the task's own error; TaskUnknownError, TimeoutError */
  outcome(id: string, options: InPool & { patience: Patience | undefined }): Promise<unknown>;
}

/** Longest time in which a host finishes a job whose value it has sent, ms. */
const FINISH_LIMIT: Milliseconds = 5_000;

/**
 * A task, or a workflow, that is in Redis, by its id. Made by `mp.submit`, `pool.submit` and `mp.task`, in any program; it holds
 * nothing, and every method asks Redis. It is not awaitable: `get()` waits.
 */
export class TaskHandle<Value = unknown> {
  readonly id: string;
  /** The pool that it is in; null = whichever has a task of that id, and for a workflow, whose steps may be in several. */
  readonly pool: string | null;
  readonly #desk: TaskDesk;
  readonly #definition: AnyTask | undefined;
  readonly #isWorkflow: boolean | undefined;
  /** The value that came last: its host sends it before it finishes the job, which looks for a moment as if it ran. */
  #came: { value: Value; at: number } | undefined;

  /** @internal */
  constructor(
    id: string,
    pool: string | null,
    {
      desk,
      definition,
      isWorkflow,
    }: { desk: TaskDesk; definition?: AnyTask | undefined; isWorkflow?: boolean | undefined },
  ) {
    this.#definition = definition;
    this.#isWorkflow = isWorkflow;
    this.id = id;
    this.pool = pool;
    this.#desk = desk;
  }

  /** Where the task is now; `unknown` when no task of that id is kept. */
  state(): Promise<TaskState> {
    return this.#desk.state(this.id, this.#place);
  }

  /**
   * Waits for the task, and gives its value.
   * @param patience - How long; without a limit unless it says otherwise.
   * @throws the task's own error; TaskUnknownError when no task of that id is kept; TimeoutError when the time is over, and
   *   the task goes on; StateLostError when it was removed meanwhile; the signal's reason
   */
  get(patience?: Patience): Promise<Value> {
    return resultPromise(async () => {
      try {
        const value = (await this.#desk.outcome(this.id, { patience, ...this.#place })) as Value;
        this.#came = { value, at: performance.now() };
        return value;
      } catch (error) {
        const came = this.#came;
        const isLate = error instanceof TimeoutError && came !== undefined;
        if (isLate && performance.now() - came.at < FINISH_LIMIT) return came.value;
        throw error;
      }
    });
  }

  /**
   * What happens to the task, until it is finished or removed: `for await (const update of handle.updates())`. The first
   * one is its present state, and the last one the state in which it ended.
   * @throws TaskUnknownError when no task of that id is kept; TimeoutError when the time is over; the signal's reason;
   *   ValueError for a bad option
   */
  updates(options: UpdateOptions = {}): AsyncGenerator<TaskUpdate, void, undefined> {
    return this.#desk.updates(this.id, { ...options, ...this.#place });
  }

  /** All that is known of the task. @throws TaskUnknownError */
  async show(): Promise<TaskView> {
    return (await this.#desk.get(this.id, this.#place)) ?? this.#unknown();
  }

  /**
   * Stops the task: one that waits leaves its queue, one that runs is told through its signal and then killed. It stays in the
   * history as `cancelled`; `retry()` runs it again.
   * @throws TaskUnknownError
   */
  async cancel(reason?: string): Promise<Exclude<CancelAnswer, { outcome: "unknown" }>> {
    const outcome = await this.#desk.cancel(this.id, { reason, ...this.#place });
    return outcome.outcome === "unknown" ? this.#unknown() : outcome;
  }

  /**
   * Puts a failed or cancelled task back into its queue, with all its attempts; of a workflow only what failed or did not start.
   * @throws TaskUnknownError
   */
  async retry(): Promise<Exclude<RetryAnswer, { outcome: "unknown" }>> {
    const outcome = await this.#desk.retry(this.id, this.#place);
    return outcome.outcome === "unknown" ? this.#unknown() : outcome;
  }

  /** Has a delayed task start now. @throws TaskUnknownError */
  async promote(): Promise<Exclude<PromoteOutcome, { outcome: "unknown" }>> {
    const outcome = await this.#desk.promote(this.id, this.#place);
    return outcome.outcome === "unknown" ? this.#unknown() : outcome;
  }

  /** Removes a task that does not run, with its outcome; what waits for it gets a CancelledError. @throws TaskUnknownError */
  async remove(): Promise<Exclude<RemoveAnswer, { outcome: "unknown" }>> {
    const outcome = await this.#desk.remove(this.id, this.#place);
    return outcome.outcome === "unknown" ? this.#unknown() : outcome;
  }

  /**
   * Changes a task that has not started: all of it, or nothing where it has started meanwhile. A schema that the handle's
   * task has checks new arguments.
   * @throws TaskUnknownError; ValueError for a bad change; ValidationError, SerializationError, PayloadTooLargeError
   */
  async change(change: TaskChange): Promise<Exclude<ChangeOutcome, { outcome: "unknown" }>> {
    const outcome = await this.#desk.change(this.id, change, { definition: this.#definition, ...this.#place });
    return outcome.outcome === "unknown" ? this.#unknown() : outcome;
  }

  /**
   * The steps, chains and groups of a workflow, with their states and counts; of large chains and groups the first parts.
   * @throws ValueError for a task that is no workflow, or a bad option; TaskUnknownError
   */
  async tree(options: TreeOptions = {}): Promise<WorkflowTree> {
    return (await this.#desk.tree(this.id, { ...options, ...this.#place })) ?? this.#unknown();
  }

  get #place(): InPool {
    const pool = this.pool === null ? {} : { pool: this.pool };
    return this.#isWorkflow === undefined ? pool : { ...pool, isWorkflow: this.#isWorkflow };
  }

  #unknown(): never {
    throw unknownTask(this.id, this.pool ?? undefined);
  }
}

/** The error for an id that is not kept. */
export function unknownTask(id: string, pool: string | undefined): TaskUnknownError {
  const where = pool === undefined ? "" : ` in pool "${pool}"`;
  return new TaskUnknownError(
    `no task ${id} is kept${where}: it was removed, its pool's history no longer reaches it, or the id is of another ` +
      "namespace; manyhands task ls lists what is kept",
  );
}

/** How a method is called that answers with a promise and takes nothing. */
function bare(method: string): CallForm {
  return { form: `handle.${method}()`, most: 0, rejects: true };
}

strictCalls(TaskHandle.prototype, {
  state: bare("state"),
  get: {
    form: "handle.get({ block, timeout, signal })",
    most: 1,
    options: { 0: PATIENCE },
    orElse: ["boolean"],
    rejects: true,
  },
  updates: { form: "handle.updates({ from, timeout, signal })", most: 1, options: { 0: UPDATES } },
  show: bare("show"),
  cancel: { form: "handle.cancel(reason)", most: 1, noOptions: [0], rejects: true },
  retry: bare("retry"),
  promote: bare("promote"),
  remove: bare("remove"),
  tree: { form: "handle.tree({ parts })", most: 1, options: { 0: { parts: true } }, rejects: true },
  change: { form: "handle.change({ priority, delay, args })", most: 1, rejects: true },
});
