import { randomBytes } from "node:crypto";
import type { JobsOptions } from "bullmq";
import { ManyhandsError, StateLostError } from "../../errors/index.ts";
import { packArgument, packStrings } from "../../redis/bull-queue/index.ts";
import { pause } from "../../time/index.ts";
import { encode } from "../../wire/codec/index.ts";
import { type JobEnvelope, readWatchers } from "../../wire/records/job.ts";
import { postAnswers } from "../results/post-answers.ts";
import type { TaskPlace } from "../submission/index.ts";
import { childArguments } from "./children.ts";
import { NODE_KINDS } from "./workflow-lua.ts";
import {
  type NewWorkflow,
  stepJobId,
  type WorkflowContext,
  type WorkflowErrorCall,
  type WorkflowNode,
  type WorkflowNodeView,
  type WorkflowRecord,
  type WorkflowState,
  type WorkflowStep,
  workflowUpdatesName,
} from "./workflow-record.ts";
import {
  pumpWorkflow,
  putWorkflowPart,
  readNodesScript,
  readWorkflowScript,
  removeWorkflowScript,
  retryWorkflowScript,
  type SweptStep,
  stopSteps,
  watchWorkflowScript,
} from "./workflow-scripts.ts";

/** Nodes, and about so many bytes of them, that are sent with one script. */
const PART = { nodes: 250, bytes: 256 * 1024 };
/** Steps that one script puts in line: about 1 ms of Redis. */
const PUMPED = 32;
/** Submissions of one id at the same time take over from each other; so often, and after such a pause, ms. */
const TAKEOVERS = { most: 20, pause: 25 };
/** Steps that one script takes out of their lines, however long these are. */
const EMPTIED = 20;
/** Steps that one script looks at for that. */
const LOOKED_AT = 200;
/** Nodes that are read with one script. */
const MOST_NODES = 250;

/**
 * Submits a workflow. When this resolves, Redis has all of it and it runs: it needs this program no more. Nothing of it runs
 * before. Its pools must exist.
 *
 * @returns "exists" when there is a workflow of the id, which is left as it is; "refused" when its parent is being cancelled
 */
export async function putWorkflow(
  context: WorkflowContext,
  workflow: NewWorkflow,
): Promise<"created" | "exists" | "refused"> {
  const { client, keys } = context;
  const { id, nodes, name = "", tags = [], onError, parent } = workflow;
  const token = randomBytes(8).toString("hex");
  const common = [id, keys.prefix, keys.queues, token];
  const child = parent && childArguments(keys, parent, { pool: null, id });
  const known = [
    ...[keys.workflow(id), keys.workflowPart(id, "nodes"), keys.workflows, keys.openWorkflows],
    ...(child?.keys ?? []),
  ];
  const steps = nodes.reduce((sum, { kind }) => sum + (kind === "step" ? 1 : 0), 0);
  const whole = [nodes.length, steps, JSON.stringify({ name, tags }), onError ? packCall(onError) : ""];
  const noted = child?.args ?? ["", ""];
  for (let takeover = 0; takeover < TAKEOVERS.most; takeover += 1) {
    // All at once: Redis takes them in their order.
    const replies = await Promise.all(
      Array.from(partsOf(nodes), (part) =>
        putWorkflowPart.run(client, known, [...common, part.first, part.nodes, part.calls, ...whole, ...noted]),
      ),
    );
    if (replies.includes("created")) {
      // It runs without this, a little later: each step that ends puts others in line.
      pumpAll(context, id).catch(() => {});
      return "created";
    }
    if (replies.includes("exists")) return "exists";
    if (replies.includes("refused")) return "refused";
    if (replies.includes("former") && parent) {
      await forgetFormer(context, id, parent);
      continue;
    }
    await pause(TAKEOVERS.pause * (1 + Math.random()));
  }
  throw new StateLostError(
    `workflow ${id} could not be submitted: other programs submit workflows of that id at the same time`,
  );
}

/** Removes the child that an earlier task of the parent's id has left under the id. @throws ManyhandsError while it runs */
async function forgetFormer(context: WorkflowContext, id: string, { pool, jobId }: TaskPlace): Promise<void> {
  const { client, keys } = context;
  const life = await client.hget(keys.job(pool, jobId), "timestamp");
  if ((await removeWorkflow(context, id, { formerOf: life ?? "" })) !== "running") return;
  throw new ManyhandsError(
    `a child of an earlier task of the id ${jobId} is still under way as workflow ${id}, which the new one would be; cancel it, ` +
      `or wait for its end: manyhands workflow cancel ${id}`,
  );
}

/** Puts in line what may start now. What is left is done by the hosts, each time that a step ends. */
async function pumpAll({ client, keys }: WorkflowContext, id: string): Promise<void> {
  while (true) {
    const [added, hasMore] = await pumpWorkflow.run(
      client,
      [keys.workflow(id)],
      [id, keys.prefix, keys.queues, PUMPED],
    );
    if (hasMore === 0 || added === 0) return;
  }
}

interface Part {
  first: number;
  nodes: Buffer;
  calls: Buffer;
}

/** The nodes as they are sent; each call that several steps have in common goes with the first of them. */
function* partsOf(nodes: readonly WorkflowNode[]): Generator<Part> {
  const calls = new Calls();
  let packed: Buffer[] = [];
  let bytes = 0;
  let first = 0;
  for (const [index, node] of nodes.entries()) {
    const one = packNode(node, calls);
    packed.push(one);
    bytes += one.length;
    const isLast = index === nodes.length - 1;
    if (!isLast && packed.length < PART.nodes && bytes < PART.bytes) continue;
    yield { first, nodes: packStrings(packed), calls: packStrings(calls.takeNew()) };
    first = index + 1;
    packed = [];
    bytes = 0;
  }
}

/** What steps have in common: pool, task and options. The record keeps each once. */
class Calls {
  readonly #numbers = new Map<string, number>();
  /** By their options, which most steps share. */
  readonly #texts = new WeakMap<JobsOptions, string>();
  #new: (string | Buffer)[] = [];

  numberOf({ pool, task, options }: WorkflowStep): number {
    let text = this.#texts.get(options);
    if (text === undefined) {
      text = JSON.stringify(options);
      this.#texts.set(options, text);
    }
    const key = `${pool}\n${task}\n${text}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    this.#new.push(`c${number}`, packCall({ pool, task, options }));
    return number;
  }

  /** Those that came since the last time: names of their fields, and their values. */
  takeNew(): (string | Buffer)[] {
    const taken = this.#new;
    this.#new = [];
    return taken;
  }
}

function packNode(node: WorkflowNode, calls: Calls): Buffer {
  const { parent, place } = node;
  if (node.kind === "step") {
    const call = calls.numberOf(node);
    const packed = [NODE_KINDS.step, parent, place, call, node.data, node.takesResult ? 1 : 0];
    const life = expiryIn(node.data);
    return packArgument(life === undefined ? packed : [...packed, life]);
  }
  const { kind, first, count, errors } = node;
  return packArgument([NODE_KINDS[kind], parent, place, first, count, errors === "return" ? 1 : 0]);
}

/** How long after it was put in line a step expires that has not been started, ms. */
function expiryIn(data: string): number | undefined {
  if (!data.includes('"expires"')) return undefined;
  const { expires } = JSON.parse(data) as JobEnvelope;
  return expires;
}

/** Pool, task, the options as BullMQ packs them, delay and priority. */
function packCall({ pool, task, options = {} }: WorkflowErrorCall): Buffer {
  const { backoff } = options;
  const packed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) if (value !== undefined) packed[name] = value;
  // As BullMQ has it.
  if (typeof backoff === "number") packed.backoff = { type: "fixed", delay: backoff };
  // Redis' MessagePack knows no bytes, and takes the text of them apart: so they are written as a string.
  return packList([pool, task, packArgument(packed), options.delay ?? 0, options.priority ?? 0]);
}

/** A list of strings, bytes as strings, and numbers, in the form that Redis reads. */
function packList(values: readonly (string | Buffer | number)[]): Buffer {
  const parts = values.map((value) => {
    if (typeof value === "number") return packArgument(value);
    // One string of the list that packStrings makes: without the head of that.
    return packStrings([value]).subarray(5);
  });
  return Buffer.concat([Buffer.from([0x90 + values.length]), ...parts]);
}

/** @returns null when there is no workflow of the id */
export async function readWorkflow(context: WorkflowContext, id: string): Promise<WorkflowRecord | null> {
  const { client, keys } = context;
  const parts = (["results", "line", "failed", "held"] as const).map((part) => keys.workflowPart(id, part));
  const reply = await readWorkflowScript.run(client, [keys.workflow(id), ...parts], []);
  if (reply.length === 0) return null;
  const [fields, results, inLine, failed, held] = reply;
  const [state, label, created, ended, nodes, steps, returned, reason, step, task, error, message] = fields;
  const total = Number(steps);
  const completed = results - Number(returned ?? 0);
  const failures = failed + Number(returned ?? 0);
  return {
    id,
    state: state as WorkflowState,
    ...readLabel(label),
    createdAt: Number(created),
    finishedAt: ended ? Number(ended) : null,
    nodes: Number(nodes),
    steps: {
      total,
      pending: Math.max(0, total - completed - failures - inLine - held),
      released: inLine,
      completed,
      failed: failures,
      stopped: held,
    },
    reason: reason ?? "",
    failure: step ? { step: Number(step), task: task ?? "", error: error ?? "", message: message ?? "" } : null,
  };
}

function readLabel(text: string | null | undefined): { name: string; tags: string[] } {
  const { name = "", tags = [] } = JSON.parse(text || "{}") as { name?: string; tags?: string[] };
  return { name, tags };
}

/** Nodes of a workflow by their numbers, at most 250 at once. */
export async function readWorkflowNodes(
  { client, keys }: WorkflowContext,
  id: string,
  { from, count }: { from: number; count: number },
): Promise<WorkflowNodeView[]> {
  const last = from + Math.min(count, MOST_NODES) - 1;
  const rows = await readNodesScript.run(client, [keys.workflow(id)], [id, keys.prefix, keys.queues, from, last]);
  return rows.map((row, index) => {
    const number = from + index;
    const [kind, parent, place, state, ...rest] = row as [number, number, number, WorkflowNodeView["state"]];
    const common = { number, parent, place, state };
    if (kind === NODE_KINDS.step) {
      const [pool, task, parkedFor, limitedBy] = rest as unknown as [string, string, string, string];
      return { ...common, kind: "step", pool, task, jobId: stepJobId(id, number), parkedFor, limitedBy };
    }
    const [first, size, ended, returns] = rest as unknown as [number, number, number, number];
    if (kind === NODE_KINDS.chain) return { ...common, kind: "chain", first, count: size };
    return { ...common, kind: "group", first, count: size, ended, errors: returns === 1 ? "return" : "fail" };
  });
}

/** Has the clients look that are noted in a workflow. */
export async function tellWatchers({ client, keys }: WorkflowContext, id: string, watchers: string): Promise<void> {
  const name = workflowUpdatesName(id);
  await Promise.all(
    readWatchers(watchers).map((watcher) =>
      postAnswers(client, keys.replies(watcher), [[name, encode([]), "", process.pid]]),
    ),
  );
}

/**
 * Has a workflow go on that failed or was cancelled: what failed, and what was stopped, starts again; what has completed stays.
 */
export async function retryWorkflow(
  context: WorkflowContext,
  id: string,
): Promise<{ outcome: "retried" | "not failed" | "missing"; steps: number }> {
  const { client, keys } = context;
  const [outcome, steps] = await retryWorkflowScript.run(
    client,
    [keys.workflow(id), keys.openWorkflows, keys.endedWorkflows("failed")],
    [id, keys.prefix, keys.queues],
  );
  if (outcome === "retried") await pumpAll(context, id);
  return { outcome, steps };
}

/**
 * Removes what is kept of a workflow that has ended, with the jobs of its steps in the histories of their pools, in pieces.
 * @returns "running" while it, or a step of it, runs
 */
export async function removeWorkflow(
  context: WorkflowContext,
  id: string,
  { formerOf = "" }: { formerOf?: string } = {},
): Promise<"removed" | "running" | "missing"> {
  const all = { most: EMPTIED, longest: Number.MAX_SAFE_INTEGER };
  // As long as steps wait in line, hosts have to look at them.
  for await (const _ of emptyLines(context, id, all));
  while (true) {
    const reply = await removeWorkflowPart(context, id, { formerOf });
    if (reply !== "more") return reply;
  }
}

/**
 * Takes the steps of a workflow that has ended out of their lines. Hosts drop those that they find; a worker of BullMQ would run
 * them. In lines that are longer than `longest` the sweep does it. Gives those that run, some at a time.
 */
export async function* emptyLines(
  { client, keys }: WorkflowContext,
  id: string,
  { most, longest }: { most: number; longest: number },
): AsyncGenerator<SweptStep[]> {
  let cursor = "0";
  do {
    const [next, steps] = await stopSteps.run(
      client,
      [keys.workflow(id)],
      [id, keys.prefix, keys.queues, cursor, LOOKED_AT, most, longest],
    );
    cursor = next;
    yield steps.filter(([, found]) => found === "running");
  } while (cursor !== "");
}

/** One piece of it; "more": the next call goes on. */
export async function removeWorkflowPart(
  { client, keys }: WorkflowContext,
  id: string,
  { formerOf = "" }: { formerOf?: string } = {},
): Promise<"removed" | "more" | "running" | "missing"> {
  return removeWorkflowScript.run(
    client,
    [
      ...[keys.workflow(id), keys.workflows, keys.openWorkflows],
      ...[keys.endedWorkflows("completed"), keys.endedWorkflows("failed")],
    ],
    [id, keys.prefix, keys.queues, formerOf],
  );
}

/**
 * Notes a client that is to be told in its reply stream, by {@link workflowUpdatesName}, when the workflow ends.
 * @returns its state now; null = there is none
 */
export async function watchWorkflow(
  { client, keys }: WorkflowContext,
  id: string,
  clientId: string,
): Promise<WorkflowState | null> {
  const state = await watchWorkflowScript.run(client, [keys.workflow(id)], [clientId]);
  return state === "" ? null : (state as WorkflowState);
}
