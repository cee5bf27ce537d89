import type { JobsOptions } from "bullmq";
import { got, ManyhandsError, type ManyhandsErrorOptions, SerializationError, ValueError } from "../../errors/index.ts";
import { type AnyCanvas, type AnyInput, canvasSize, isCanvas, type Signature } from "../../tasks/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import { callData } from "../submission/call-data.ts";
import { type CallSettings, settingsOf } from "../submission/call-settings.ts";
import type { Runtime } from "../submission/index.ts";
import { noteOptions, type SubmitOptions, toJobsOptions } from "../submission/submit-options.ts";
import type { Chain, Group } from "./canvas.ts";
import type { WorkflowNode, WorkflowStep } from "./workflow-record.ts";

/** Chains and groups inside one another, the outermost included. */
export const DEEPEST = 100;
/** Steps, chains and groups of one workflow. */
export const MOST_NODES = 1_000_000;

/** What all steps of a workflow share. */
export interface FlattenSettings {
  /** Of steps that name none. */
  pool: string;
  /** Of all steps. */
  tags: readonly string[];
}

/** A step, chain or group at its place. */
interface Placed {
  canvas: AnyCanvas;
  parent: number;
  place: number;
  /** Chains and groups around it. */
  depth: number;
  /** Something comes before it, whose result a step takes. */
  follows: boolean;
}

/**
 * The nodes of a workflow in the order of their numbers: level by level, so that the children of a node follow each other.
 * Every step is checked as a call that is submitted alone, so that no workflow starts that cannot end.
 *
 * @throws ValueError for what is no canvas, is too large or too deep, or has a bad option; SerializationError,
 *   ValidationError, PayloadTooLargeError for arguments; each names the place in the workflow
 */
export async function flatten(
  runtime: Pick<Runtime, "fleet" | "keepAlive" | "maxPayload">,
  canvas: AnyCanvas,
  settings: FlattenSettings,
): Promise<WorkflowNode[]> {
  const placed = place(canvas);
  const nodes: WorkflowNode[] = [];
  // Steps with equal options share one object, which is stored once.
  const known = new Map<string, JobsOptions>();
  let next = 1;
  for (const one of placed) {
    const { canvas: described, parent, place: at } = one;
    if (described.kind === "step") {
      const step = await stepOf(runtime, placed, { one, settings });
      const text = JSON.stringify(step.options);
      const options = known.get(text) ?? step.options;
      known.set(text, options);
      nodes.push({ ...step, options });
      continue;
    }
    const { parts, errors } = described as Group<never[], unknown>;
    const count = parts.length;
    nodes.push({
      ...{ kind: described.kind, parent, place: at, first: next, count },
      ...(errors === "return" ? { errors } : {}),
    });
    next += count;
  }
  return nodes;
}

/** All of the tree, level by level. */
function place(canvas: unknown): Placed[] {
  if (!isCanvas(canvas)) {
    throw new ValueError(
      `a workflow is made with chain(), group(), chord(), task.with() or signature(); got ${got(canvas)}`,
    );
  }
  if (canvasSize(canvas) > MOST_NODES) {
    throw new ValueError(
      `a workflow has at most ${MOST_NODES} steps, chains and groups; this one has ${canvasSize(canvas)}. Split it, or have ` +
        "one step do the work of several",
    );
  }
  const placed: Placed[] = [{ canvas, parent: -1, place: 0, depth: 0, follows: false }];
  for (let number = 0; number < placed.length; number++) {
    const { canvas: described, depth, follows } = placed[number] as Placed;
    if (described.kind === "step") continue;
    if (depth >= DEEPEST) {
      throw new ValueError(
        `chains and groups can be nested ${DEEPEST} deep; this workflow goes deeper at ${pathOf(placed, number)}. A chain ` +
          "or a group may have any number of parts: put them side by side",
      );
    }
    const { parts, kind } = described as Chain<never[], unknown> | Group<never[], unknown>;
    for (const [index, part] of parts.entries()) {
      const isLater = kind === "chain" && index > 0;
      placed.push({ canvas: part, parent: number, place: index, depth: depth + 1, follows: isLater || follows });
    }
  }
  return placed;
}

async function stepOf(
  runtime: Pick<Runtime, "fleet" | "keepAlive" | "maxPayload">,
  placed: readonly Placed[],
  { one, settings }: { one: Placed; settings: FlattenSettings },
): Promise<WorkflowStep> {
  const { task, definition, args, options, isImmutable } = one.canvas as Signature<AnyInput, unknown>;
  const takesResult = one.follows && !isImmutable;
  const { pool = settings.pool, tags = [], ...own } = options;
  try {
    assertPoolName(pool);
    const given: SubmitOptions = { ...own, ...tagsOf([...settings.tags, ...tags]) };
    const settled: CallSettings | Promise<CallSettings> = settingsOf(runtime, { task, definition }, given);
    const { options: effective } = settled instanceof Promise ? await settled : settled;
    // Arguments that are complete only with a result are checked where the step runs.
    const checked = takesResult ? undefined : definition;
    const call: JobEnvelope = await callData({
      task,
      definition: checked,
      args: [...args],
      maxPayload: runtime.maxPayload,
    });
    noteOptions(call, effective);
    // The index finds the tags at the start of the data.
    const data = JSON.stringify(call.tags === undefined ? call : { tags: call.tags, ...call });
    const { jobId: _, ...jobsOptions } = toJobsOptions("", effective, 0);
    const { parent, place: at } = one;
    return { kind: "step", parent, place: at, pool, task, data, options: jobsOptions, takesResult };
  } catch (error) {
    throw atPlace(error, `${pathOf(placed, placed.indexOf(one))}, task "${task}"`);
  }
}

function tagsOf(tags: readonly string[]): Pick<SubmitOptions, "tags"> {
  return tags.length === 0 ? {} : { tags: [...new Set(tags)] };
}

/** Where a node is, as its author wrote it: `part 2 of the chain, part 5 of the group`. */
function pathOf(placed: readonly Placed[], number: number): string {
  const steps: string[] = [];
  for (let at = placed[number]; at && at.parent >= 0; at = placed[at.parent]) {
    steps.unshift(`part ${at.place + 1} of the ${placed[at.parent]?.canvas.kind}`);
  }
  if (steps.length === 0) return "the workflow's only step";
  return steps.length > 4 ? [...steps.slice(0, 2), "…", ...steps.slice(-2)].join(", ") : steps.join(", ");
}

type OwnError = new (message: string, options: ManyhandsErrorOptions & { path?: string }) => ManyhandsError;

/** The same error, which also says where in the workflow. */
function atPlace(error: unknown, where: string): unknown {
  if (!(error instanceof ManyhandsError)) return error;
  const path = error instanceof SerializationError ? { path: error.path } : {};
  return new (error.constructor as OwnError)(`${where}: ${error.message}`, { cause: error, ...path });
}
