import { SerializationError } from "../../errors/index.ts";
import type { Failure, Graph, Node, Slot } from "./graph.ts";
import { setProperty } from "./properties.ts";
import { fillError, makeError, remoteErrorFor } from "./rebuild-error.ts";
import { openTransferable } from "./transferable.ts";

/** Makes the value of a graph: first every node empty, then their contents, so that cycles close by themselves. */
export function rebuild(graph: Graph): unknown {
  const { nodes } = graph;
  const made: unknown[] = new Array(nodes.length);
  const resolve = (slot: Slot): unknown => {
    if (!Array.isArray(slot)) return slot;
    const index = slot[0];
    return index === -1 ? -0 : made[index];
  };
  // Text first: messages of errors may need it.
  nodes.forEach((node, index) => {
    if (node[0] === "text") made[index] = textOf(node[1]);
  });
  nodes.forEach((node, index) => {
    if (node[0] !== "text") made[index] = makeEmpty(node, { graph, resolve });
  });
  nodes.forEach((node, index) => {
    fill(made[index], node, resolve);
  });
  const root = resolve(graph.root);
  return graph.failure ? finishFailure(root, graph.failure) : root;
}

/** Makes the error of a decoded failure. */
function finishFailure(root: unknown, failure: Failure): unknown {
  if (failure.message === null) return root;
  const { message, origin } = failure;
  const stack = failure.thrown || typeof root !== "string" ? `RemoteError: ${message}` : root;
  const error = remoteErrorFor({ message, stack, origin });
  if (failure.thrown) setProperty(error, "thrown", root);
  return error;
}

function textOf(units: Uint16Array): string {
  let text = "";
  // In parts: arguments of a call live on the stack.
  for (let at = 0; at < units.length; at += 4_096) text += String.fromCharCode(...units.subarray(at, at + 4_096));
  return text;
}

function makeEmpty(node: Node, context: { graph: Graph; resolve: (slot: Slot) => unknown }): unknown {
  switch (node[0]) {
    case "object":
      return {};
    case "array":
      return [];
    case "sparse":
      return sparseArray(node[1]);
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "native":
      return node[1];
    case "view":
      return viewOf(node[1], node[2]);
    case "boxed":
      return Object(context.resolve(node[1]));
    case "transferable":
      return handleOf(node[1], node[2]);
    case "error":
      return makeError(node[1], context);
    case "separate":
      return rebuild(node[1]);
    case "text":
      return "";
    default:
      throw new SerializationError(
        `the bytes hold a node of the unknown kind "${String((node as unknown[])[0])}"; the sender runs a newer version: update this process`,
        { path: "value" },
      );
  }
}

function fill(target: unknown, node: Node, resolve: (slot: Slot) => unknown): void {
  switch (node[0]) {
    case "object":
      node[1].forEach((key, index) => {
        setProperty(target as object, resolve(key) as string, resolve(node[2][index]));
      });
      break;
    case "array":
      for (const item of node[1]) (target as unknown[]).push(resolve(item));
      break;
    case "sparse":
      node[2].forEach((at, index) => {
        (target as unknown[])[at] = resolve(node[3][index]);
      });
      break;
    case "map":
      node[1].forEach((key, index) => {
        (target as Map<unknown, unknown>).set(resolve(key), resolve(node[2][index]));
      });
      break;
    case "set":
      for (const item of node[1]) (target as Set<unknown>).add(resolve(item));
      break;
    case "error":
      fillError(target as Error, node[1], resolve);
      break;
  }
}

type ViewClass = new (buffer: ArrayBufferLike) => unknown;

/** The views that are made by name. A name from the wire finds nothing else, such as a global. */
const VIEWS: ReadonlyMap<string, ViewClass> = new Map(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    // New in Node 24.
    ...(typeof Float16Array === "function" ? [Float16Array] : []),
  ].map((view): [string, ViewClass] => [view.name, view]),
);

function viewOf(name: string, bytes: Uint8Array): unknown {
  const View = VIEWS.get(name);
  if (!View) {
    throw new SerializationError(`this version of Node.js has no ${name}; run the same version on both sides`, {
      path: "value",
    });
  }
  return new View(bytes.slice().buffer);
}

/**
 * An array of holes. The length is a number from the wire, so it must not size memory: an element far behind the others
 * makes the engine keep the elements that there are, and not room for all.
 */
function sparseArray(length: number): unknown[] {
  const array: unknown[] = [];
  if (length > 0) {
    array[length - 1] = undefined;
    delete array[length - 1];
  }
  array.length = length;
  return array;
}

function handleOf(tag: string, reference: Graph): unknown {
  const opened = openTransferable(tag, rebuild(reference));
  if (opened) return opened.value;
  throw new SerializationError(
    `a live object of the kind "${tag}" arrived, which this process does not know; import the module that defines it`,
    { path: "value" },
  );
}
