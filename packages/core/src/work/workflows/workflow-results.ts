import { StateLostError, WorkerLostError } from "../../errors/index.ts";
import { decode, decodeError, decodeStoredAnswers } from "../../wire/codec/index.ts";
import type { JobReturn, UnitAnswer } from "../../wire/records/job.ts";
import { NODE_KINDS, RESULT_ANSWERS, RESULT_ERROR, RESULT_JSON, RESULT_LOST, RESULT_STORED } from "./workflow-lua.ts";
import type { WorkflowContext } from "./workflow-record.ts";
import { readShapes } from "./workflow-scripts.ts";

/** Results read with one command, and about how many bytes of them. */
const PAGE = { first: 32, most: 512, bytes: 256 * 1024 };
/** Shapes of nodes read with one script: about 0.3 ms of Redis. */
const SHAPES = 250;

/** A value, and whether JSON can carry all of it. */
export interface WorkflowValue {
  value: unknown;
  isPlain: boolean;
}

/** The result of a step as the record keeps it; what is stored beside the job is named by its run. */
export function resultOf(returned: JobReturn): { result: Buffer; run: string } {
  if (returned.stored !== undefined) return { result: Buffer.from(RESULT_STORED), run: returned.stored };
  const [answers] = returned.answers ?? [];
  if (answers !== undefined) {
    return { result: Buffer.concat([Buffer.from(RESULT_ANSWERS), Buffer.from(answers, "base64")]), run: "" };
  }
  return { result: Buffer.from(RESULT_JSON + (JSON.stringify(returned.value) ?? "null")), run: "" };
}

/** The same of what a worker of BullMQ has returned, which knows nothing of all this. */
export function foreignResult(returnValue: string | null): { result: Buffer; run: string } {
  let value: unknown;
  try {
    value = JSON.parse(returnValue ?? "null");
  } catch {
    value = returnValue;
  }
  const returned = value as Partial<JobReturn> | null;
  if (typeof returned === "object" && returned !== null && typeof returned.hostId === "string")
    return resultOf(returned as JobReturn);
  return { result: Buffer.from(RESULT_JSON + JSON.stringify(value)), run: "" };
}

/**
 * Reads the result of a node: that of a step, or of the last child of a chain, or the list of those of a group. It is read in
 * pages, so that no command is long, however large a group is.
 *
 * @throws StateLostError when a result is not there; the error itself, when the node is a part that failed
 */
export async function readNodeResult(context: WorkflowContext, id: string, node: number): Promise<WorkflowValue> {
  const reader = new ResultReader(context, id);
  const [one] = await reader.read([node]);
  if (one?.error !== undefined) throw one.error;
  return one as WorkflowValue;
}

interface Read {
  value: unknown;
  isPlain: boolean;
  error?: unknown;
}

class ResultReader {
  readonly #context: WorkflowContext;
  readonly #id: string;
  #size = PAGE.first;

  constructor(context: WorkflowContext, id: string) {
    this.#context = context;
    this.#id = id;
  }

  /** The results of nodes, in their order. */
  async read(nodes: readonly number[]): Promise<Read[]> {
    const found: (Read | undefined)[] = [];
    const open: number[] = [];
    for (const [index, bytes] of (await this.#fetch(nodes)).entries()) {
      if (bytes === null) open.push(index);
      else found[index] = await this.#decode(nodes[index] as number, bytes);
    }
    if (open.length > 0) await this.#readBranches(nodes, open, found);
    return found as Read[];
  }

  async #fetch(nodes: readonly number[]): Promise<(Buffer | null)[]> {
    const { client, keys } = this.#context;
    const key = keys.workflowPart(this.#id, "results");
    const all: (Buffer | null)[] = [];
    for (let from = 0; from < nodes.length; ) {
      const part = nodes.slice(from, from + this.#size);
      const values = (await client.callBuffer("hmget", [key, ...part.map(String)])) as (Buffer | null)[];
      const bytes = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
      all.push(...values);
      from += part.length;
      const each = Math.max(1, bytes / part.length);
      this.#size = Math.max(1, Math.min(PAGE.most, Math.floor(PAGE.bytes / each), this.#size * 4));
    }
    return all;
  }

  /** Nodes that have no result of their own: those of chains and groups are those of their children. */
  async #readBranches(nodes: readonly number[], open: readonly number[], found: (Read | undefined)[]): Promise<void> {
    const shapes = await this.#shapes(open.map((index) => nodes[index] as number));
    const wanted: number[] = [];
    const spans: { index: number; from: number; shape: Shape }[] = [];
    for (const [place, index] of open.entries()) {
      const shape = shapes[place] as Shape;
      if (shape.kind !== NODE_KINDS.chain && shape.kind !== NODE_KINDS.group) {
        throw new StateLostError(
          `workflow ${this.#id} has no result of step ${nodes[index]}: it was removed, or has not run`,
        );
      }
      spans.push({ index, from: wanted.length, shape });
      const { first, count } = shape;
      if (shape.kind === NODE_KINDS.chain) wanted.push(first + count - 1);
      else for (let child = first; child < first + count; child += 1) wanted.push(child);
    }
    const read = await this.read(wanted);
    for (const { index, from, shape } of spans) {
      found[index] =
        shape.kind === NODE_KINDS.chain
          ? (read[from] as Read)
          : listOf(read.slice(from, from + shape.count), shape.returnsErrors);
    }
  }

  async #shapes(nodes: readonly number[]): Promise<Shape[]> {
    const { client, keys } = this.#context;
    const shapes: Shape[] = [];
    for (let from = 0; from < nodes.length; from += SHAPES) {
      const reply = await readShapes.run(
        client,
        [keys.workflowPart(this.#id, "nodes")],
        nodes.slice(from, from + SHAPES),
      );
      for (let place = 0; place < reply.length; place += 4) {
        const [kind, first, count, returns] = reply.slice(place, place + 4) as [number, number, number, number];
        shapes.push({ kind, first, count, returnsErrors: returns === 1 });
      }
    }
    return shapes;
  }

  async #decode(node: number, bytes: Buffer): Promise<Read> {
    const rest = bytes.subarray(1);
    switch (String.fromCharCode(bytes[0] ?? 0)) {
      case RESULT_JSON:
        return { value: JSON.parse(rest.toString("utf8")), isPlain: true };
      case RESULT_ANSWERS:
        return fromAnswer((decode(rest) as UnitAnswer[])[0]);
      case RESULT_STORED: {
        const { client, keys } = this.#context;
        const stored = (await client.callBuffer("get", [keys.workflowResult(this.#id, node)])) as Buffer | null;
        if (stored === null) break;
        return { ...fromAnswer(decodeStoredAnswers(stored)[0]), isPlain: (stored[0] ?? 0) < 0x80 };
      }
      case RESULT_ERROR:
        return { value: undefined, isPlain: false, error: readWorkflowError(rest.toString("utf8")) };
      case RESULT_LOST:
        break;
    }
    throw new StateLostError(
      `the result of step ${node} of workflow ${this.#id} is lost: it was not kept for long enough`,
    );
  }
}

interface Shape {
  kind: number;
  first: number;
  count: number;
  returnsErrors: boolean;
}

function fromAnswer(answer: UnitAnswer | undefined): Read {
  return { value: answer?.[2], isPlain: false };
}

function listOf(parts: readonly Read[], returnsErrors: boolean): Read {
  if (!returnsErrors) {
    return { value: parts.map(({ value }) => value), isPlain: parts.every(({ isPlain }) => isPlain) };
  }
  const outcomes = parts.map((part, index) =>
    part.error === undefined ? { index, ok: true, value: part.value } : { index, ok: false, error: part.error },
  );
  return { value: outcomes, isPlain: parts.every(({ isPlain }) => isPlain) };
}

/** What a step failed with, as the record keeps it: base64 of the error, a space, its message. */
export function readWorkflowError(text: string): unknown {
  const space = text.indexOf(" ");
  const [encoded, message] = [text.slice(0, space), text.slice(space + 1)];
  if (encoded === "") return new WorkerLostError(message);
  return decodeError(Buffer.from(encoded, "base64"));
}
