import { assertOptions, type OptionTypes, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import { type AnyCanvas, isTask, isTaskName, type Task } from "../../tasks/index.ts";
import { startProducerSpan, type TraceCarrier } from "../../tracing/index.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import { unlimitedPool } from "../registry/index.ts";
import { type Runtime, TaskHandle, type TaskPlace } from "../submission/index.ts";
import { effectiveOptions } from "../submission/submit-options.ts";
import { noMoreChildren } from "./children.ts";
import { flatten } from "./flatten.ts";
import { putWorkflow } from "./workflow-engine.ts";
import type { WorkflowErrorCall, WorkflowNode, WorkflowStep } from "./workflow-record.ts";

/** A workflow that has failed: the argument of its `onError` task. */
export interface FailedWorkflow {
  /** Its id: `mp.task(id)` finds it as long as the history keeps it. */
  id: string;
  /** Name of the task of the step that failed. */
  task: string;
  /** Id of the job of that step. */
  step: string;
  /** Its arguments, without the result before them. */
  args: unknown[];
  /** What its last try threw. */
  error: unknown;
  /** Tries of it that were made. */
  attempts: number;
}

/** How a workflow is submitted; how its steps run, each says itself. */
export interface WorkflowOptions {
  /** Own id, 1 to 200 letters, digits or `_ . -`, not a number. A second workflow of that id is not submitted. */
  jobId?: string | undefined;
  /** Of steps that name none, and of `onError`. @defaultValue "default" */
  pool?: string | undefined;
  /** Labels to search by, which all steps have: at most 16, each of 1 to 64 bytes. */
  tags?: string[] | undefined;
  /** A task, or its name, that is called with a {@link FailedWorkflow} when the workflow fails; not when it is cancelled. */
  onError?: Task<[FailedWorkflow], unknown> | string | undefined;
}

/** What a submission of a workflow says. */
export const WORKFLOW_OPTIONS: OptionTypes = optionsOf<WorkflowOptions>({
  jobId: true,
  pool: "text",
  tags: true,
  onError: true,
});

/** How a workflow is started. */
export interface StartOptions {
  /** What the caller gave. */
  options: unknown;
  /** Of steps that name none, where the options do not say either. */
  pool: string;
  /** Its id where the options give none and it follows from what submits it. */
  id?: string | undefined;
  /** The running task that it is a child of. */
  parent?: TaskPlace | undefined;
}

/**
 * Submits a workflow. Once this resolves, Redis has all of it, and it needs this program no more.
 *
 * @returns its handle; also that of a workflow of the same `jobId` that was there before
 * @throws ValueError, SerializationError, ValidationError, PayloadTooLargeError; CancelledError when its parent is being
 *   cancelled; nothing of it was submitted then
 */
export async function startWorkflow<Result>(
  runtime: Runtime,
  canvas: AnyCanvas,
  { options, pool, id, parent }: StartOptions,
): Promise<TaskHandle<Result>> {
  // What stands in the place of arguments when there are none.
  const given = Array.isArray(options) && options.length === 0 ? {} : (options ?? {});
  assertOptions("the options of a workflow", given, WORKFLOW_OPTIONS);
  const own = given as WorkflowOptions;
  const submitted = runtime.keepAlive.during(submit(runtime, canvas, { ...own, pool: own.pool ?? pool, id, parent }));
  runtime.deliveries.add(submitted);
  try {
    return new TaskHandle<Result>(await submitted, null, { desk: runtime.desk, isWorkflow: true });
  } finally {
    runtime.deliveries.delete(submitted);
  }
}

async function submit(
  runtime: Runtime,
  canvas: AnyCanvas,
  options: WorkflowOptions & { pool: string } & Pick<StartOptions, "id" | "parent">,
): Promise<string> {
  const { jobId, pool, tags = [], onError, parent } = options;
  assertPoolName(pool);
  effectiveOptions(undefined, { jobId, ...(tags.length === 0 ? {} : { tags }) });
  const id = jobId ?? options.id ?? runtime.nextJobId();
  const errorCall = toErrorCall(onError, pool);
  const nodes = await flatten(runtime, canvas, { pool, tags });
  const steps = nodes.filter((node) => node.kind === "step");
  const pools = new Set(steps.map((step) => step.pool));
  if (errorCall) pools.add(errorCall.pool);
  for (const name of pools) await runtime.registry.create(unlimitedPool(name));
  glance(runtime, steps);
  const { client, keys } = runtime;
  const name = nameOf(nodes);
  const span = startProducerSpan(
    { pool, task: name, jobId: id, calls: steps.length },
    { contexts: [], mode: runtime.traces },
  );
  try {
    const workflow = { id, name, tags: [...new Set(tags)], onError: errorCall, parent };
    const outcome = await putWorkflow({ client, keys }, { ...workflow, nodes: traced(nodes, span?.carrier) });
    if (outcome === "refused" && parent) throw noMoreChildren(parent);
  } catch (error) {
    span?.end(error);
    throw error;
  }
  span?.end();
  return id;
}

/** Each step is in the trace of the submission, as a task that is submitted alone is in that of its own. */
function traced(nodes: readonly WorkflowNode[], carrier: TraceCarrier | undefined): readonly WorkflowNode[] {
  if (carrier === undefined) return nodes;
  const fields = JSON.stringify(carrier).slice(1);
  // Behind what it has: the index finds the tags at the start of the data.
  return nodes.map((node) => (node.kind === "step" ? { ...node, data: `${node.data.slice(0, -1)},${fields}` } : node));
}

function toErrorCall(onError: unknown, pool: string): WorkflowErrorCall | undefined {
  if (onError === undefined || onError === null) return undefined;
  const name = isTask(onError) ? onError.name : onError;
  if (isTaskName(name)) return { pool, task: name };
  throw new ValueError(`onError must be a task or the name of one; got ${got(onError)}`);
}

/** Warns of tasks that no host knows. */
function glance({ unserved }: Runtime, steps: readonly WorkflowStep[]): void {
  const seen = new Set<string>();
  for (const { pool, task } of steps) {
    const key = `${pool}\n${task}`;
    if (seen.has(key)) continue;
    seen.add(key);
    unserved.glance(pool, task);
  }
}

/** The tasks of its first and of its last step. */
function nameOf(nodes: readonly WorkflowNode[]): string {
  const first = taskAt(nodes, "first");
  const last = taskAt(nodes, "last");
  if (first === undefined || last === undefined) return first ?? last ?? "";
  return first === last ? first : `${first} … ${last}`;
}

/** The step where a walk along one side of the tree ends; undefined = at an empty group. */
function taskAt(nodes: readonly WorkflowNode[], side: "first" | "last"): string | undefined {
  let node = nodes[0];
  while (node && node.kind !== "step") {
    node = node.count === 0 ? undefined : nodes[side === "first" ? node.first : node.first + node.count - 1];
  }
  return node?.task;
}
