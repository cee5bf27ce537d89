import { optionsOf, strictCalls } from "../checks/index.ts";
import { got, ValueError } from "../errors/index.ts";
import type {
  TreeOptions,
  WorkflowCancelOutcome,
  WorkflowPart,
  WorkflowRemoveOutcome,
  WorkflowRetryOutcome,
  WorkflowRow,
  WorkflowTree,
} from "../work/submission/index.ts";
import {
  cancelWorkflow,
  failureOf,
  isWaiting,
  listWorkflows,
  readTree,
  readWorkflow,
  readWorkflowNodes,
  removeWorkflow,
  retryWorkflow,
  statusOf,
  stepJobId,
  toPart,
  toRow,
  type WaitingSteps,
  type WorkflowRecord,
} from "../work/workflows/index.ts";
import { assertText, type InspectorPlace } from "./place.ts";
import { showWaiting, viewError } from "./work/index.ts";

/** Which workflows are listed. */
export interface WorkflowQuery {
  state?: WorkflowRow["state"] | undefined;
  tag?: string | undefined;
  /** Most rows, 1 to 1 000. @defaultValue 100 */
  limit?: number | undefined;
  /** Workflows of that state and tag that are left out: those of the pages before. @defaultValue 0 */
  offset?: number | undefined;
}

/** One page of workflows. */
export interface WorkflowPage {
  workflows: WorkflowRow[];
  /** All that are kept. */
  total: number;
  /** Where the next page begins; null = this is the last one. */
  nextOffset: number | null;
}

/** Some parts of a chain or a group. */
export interface PartsPage {
  parts: WorkflowPart[];
  /** All parts of it. */
  count: number;
}

const STATES: readonly WorkflowRow["state"][] = ["waiting", "active", "completed", "failed", "cancelled"];
/** Most rows of a page. */
const MOST_ROWS = 1_000;
const MOST_PARTS = 250;

/** Looks at workflows and steers them, whichever program submitted them (`mp.workflows`). Every answer is read afresh. */
export class WorkflowInspector {
  readonly #place: InspectorPlace;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
  }

  /**
   * Newest first.
   * @throws ValueError for a bad filter
   */
  list(query: WorkflowQuery = {}): Promise<WorkflowPage> {
    const { state, tag, limit = 100, offset = 0 } = query;
    return this.#place.during(async () => {
      if (state !== undefined && !STATES.includes(state)) {
        throw new ValueError(`workflows have no state ${got(state)}; they have ${STATES.join(", ")}`);
      }
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_ROWS)) {
        throw new ValueError(`limit must be a whole number from 1 to ${MOST_ROWS}; got ${got(limit)}`);
      }
      return listWorkflows(this.#place, { state: state ?? null, tag: tag ?? null, offset, limit });
    });
  }

  /** One workflow without its tree; null when there is none of that id. */
  row(id: string): Promise<WorkflowRow | null> {
    return this.#read(id, toRow);
  }

  /**
   * One workflow with its tree; null when there is none of that id.
   * @throws ValueError for a bad number of parts
   */
  get(id: string, options: TreeOptions = {}): Promise<WorkflowTree | null> {
    return this.#read(id, async (record) => {
      const { failure, nodes } = record;
      return {
        ...toRow(record),
        nodes,
        error: failure === null ? null : viewError(failureOf(record)),
        failedStep: failure === null ? null : { id: stepJobId(id, failure.step), task: failure.task },
        root: await this.#tree(record, options),
      };
    });
  }

  /**
   * Parts of one of its chains or groups, in their order; null when there is no such workflow.
   * @param options.node - Number of the chain or group. @defaultValue 0, the whole
   * @param options.from - Place of the first part. @defaultValue 0
   * @param options.count - Most parts, 1 to 250. @defaultValue 100
   * @throws ValueError for another number
   */
  parts(
    id: string,
    options: { node?: number | undefined; from?: number | undefined; count?: number | undefined } = {},
  ): Promise<PartsPage | null> {
    const { node = 0, from = 0, count = 100 } = options;
    return this.#read(id, async (record) => {
      if (!(Number.isInteger(count) && count >= 1 && count <= MOST_PARTS)) {
        throw new ValueError(`count must be a whole number from 1 to ${MOST_PARTS}; got ${got(count)}`);
      }
      if (!(Number.isInteger(node) && node >= 0 && node < record.nodes)) {
        throw new ValueError(`node must be a number from 0 to ${record.nodes - 1}; got ${got(node)}`);
      }
      const [view] = await readWorkflowNodes(this.#place, id, { from: node, count: 1 });
      const { first = 0, count: all = 0 } = view ?? {};
      const wanted = Math.min(count, all - from);
      if (wanted <= 0) return { parts: [], count: all };
      const views = await readWorkflowNodes(this.#place, id, { from: first + from, count: wanted });
      const parts = views.map((one) => [toPart(one), one] as WaitingSteps[number]);
      await showWaiting(this.#place, parts.filter(isWaiting));
      return { parts: parts.map(([part]) => part), count: all };
    });
  }

  /**
   * Stops a workflow: nothing of it starts after this, and what runs is cancelled; also what is left of one that has failed, or
   * was cancelled before. To repeat it does no harm.
   */
  cancel(id: string, { reason }: { reason?: string | undefined } = {}): Promise<WorkflowCancelOutcome> {
    return this.#steer(id, "finished", async () => {
      const outcome = await cancelWorkflow(this.#place, id, reason ?? "cancelled by request");
      if (outcome === "ended" || outcome === "missing") return null;
      const record = outcome === "stopping" ? await readWorkflow(this.#place, id) : null;
      return { outcome: "stopping", pool: null, host: null, state: statusOf(record?.state ?? "cancelled") };
    });
  }

  /** Has a failed or cancelled workflow go on: what failed and what did not start runs again, what has completed does not. */
  retry(id: string): Promise<WorkflowRetryOutcome> {
    return this.#steer(id, "not-failed", async () => {
      const { outcome, steps } = await retryWorkflow(this.#place, id);
      return outcome === "retried" ? { outcome: "queued", pool: null, steps } : null;
    });
  }

  /** Removes a workflow that does not run, with its results. */
  remove(id: string): Promise<WorkflowRemoveOutcome> {
    return this.#place.during(async () => {
      assertText("the id of a workflow", id);
      const outcome = await removeWorkflow(this.#place, id);
      if (outcome === "removed") return { outcome, pool: null };
      return outcome === "running" ? { outcome, pool: null, host: null } : { outcome: "unknown" };
    });
  }

  /** @param act - Gives null where nothing was done, because of the state of the workflow, which is told then. */
  #steer<Outcome, Why extends string>(
    id: string,
    why: Why,
    act: () => Promise<Outcome | null>,
  ): Promise<Outcome | { outcome: Why; pool: null; state: WorkflowRow["state"] } | { outcome: "unknown" }> {
    return this.#place.during(async () => {
      assertText("the id of a workflow", id);
      const done = await act();
      if (done !== null) return done;
      const record = await readWorkflow(this.#place, id);
      return record === null ? { outcome: "unknown" } : { outcome: why, pool: null, state: toRow(record).state };
    });
  }

  async #tree(record: WorkflowRecord, options: TreeOptions): Promise<WorkflowPart> {
    const { root, waiting } = await readTree(this.#place, record, options);
    await showWaiting(this.#place, waiting);
    return root;
  }

  #read<View>(id: string, view: (record: WorkflowRecord) => View | Promise<View>): Promise<View | null> {
    return this.#place.during(async () => {
      assertText("the id of a workflow", id);
      const record = await readWorkflow(this.#place, id);
      return record === null ? null : view(record);
    });
  }
}

const QUERY = optionsOf<WorkflowQuery>({ state: true, tag: "text", limit: true, offset: "count" });
const rejects = true;
strictCalls(WorkflowInspector.prototype, {
  list: { form: "workflows.list({ state, tag, limit, offset })", most: 1, options: { 0: QUERY }, rejects },
  row: { form: "workflows.row(id)", most: 1, rejects },
  get: { form: "workflows.get(id, { parts })", most: 2, options: { 1: { parts: true } }, rejects },
  parts: {
    form: "workflows.parts(id, { node, from, count })",
    most: 2,
    options: { 1: { node: true, from: "count", count: true } },
    rejects,
  },
  cancel: { form: "workflows.cancel(id, { reason })", most: 2, options: { 1: { reason: "text" } }, rejects },
  retry: { form: "workflows.retry(id)", most: 1, rejects },
  remove: { form: "workflows.remove(id)", most: 1, rejects },
});
