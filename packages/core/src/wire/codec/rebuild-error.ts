import {
  errorClassOf,
  originOf as errorOrigin,
  markRemote,
  plainName,
  RemoteError,
  type RemoteOrigin,
} from "../../errors/index.ts";
import type { ErrorNode, Graph, Origin, Slot } from "./graph.ts";
import { defineHidden, setProperty } from "./properties.ts";

/** Where an error comes from is ours to say, also for errors that have such properties themselves. */
const REMOTE_FIELDS = new Set(["remoteStack", "host", "pid", "taskId"]);

type Resolve = (slot: Slot) => unknown;

/**
 * An error of its class, without its contents. The constructor does not run: it may want arguments that were not kept.
 *
 * A class that is not known here becomes RemoteError in the failure of a task, and Error in a value.
 */
export function makeError(node: ErrorNode, context: { graph: Graph; resolve: Resolve }): Error {
  const { graph, resolve } = context;
  const message = resolve(node.message) as string;
  const stack = resolve(node.stack) as string;
  const origin = node.origin ?? graph.failure?.origin ?? null;
  const error = emptyError(node, { message, remote: origin !== null, name: resolve(node.name) as string });
  // An error that was passed on keeps its origin; which item of a chunk failed is said where it was passed on.
  const item = graph.failure?.origin[3];
  if (origin) markRemote(error, stack, { ...originOf(origin), ...(item === undefined ? {} : { item }) });
  else defineHidden(error, "stack", stack);
  return error;
}

export function fillError(error: Error, node: ErrorNode, resolve: Resolve): void {
  const remote = errorOrigin(error) !== undefined;
  node.keys.forEach((slot, index) => {
    const key = resolve(slot) as string;
    if (!remote || !REMOTE_FIELDS.has(key)) setProperty(error, key, resolve(node.values[index]));
  });
  if (node.cause.length > 0) defineHidden(error, "cause", resolve(node.cause[0]));
  if (node.errors) defineHidden(error, "errors", node.errors.map(resolve));
}

/** The RemoteError for a thrown value that is not an Error. */
export function remoteErrorFor(thrown: { message: string; stack: string; origin: Origin }): RemoteError {
  const error = bareError(thrown.message, RemoteError.prototype) as RemoteError;
  defineHidden(error, "name", "RemoteError");
  setProperty(error, "code", "ERR_REMOTE");
  markRemote(error, thrown.stack, originOf(thrown.origin));
  return error;
}

function emptyError(node: ErrorNode, facts: { message: string; name: string; remote: boolean }): Error {
  const { className } = node;
  if (className === "builtin:DOMException") return new DOMException(facts.message, facts.name);
  const known = errorClassOf(className);
  if (known) {
    const error = bareError(facts.message, known.prototype as object);
    if (error.name !== facts.name) defineHidden(error, "name", facts.name);
    return error;
  }
  const error = bareError(facts.message, facts.remote ? RemoteError.prototype : Error.prototype);
  defineHidden(error, "name", plainName(className));
  if (facts.remote) setProperty(error, "code", "ERR_REMOTE");
  return error;
}

/** A true Error object with another prototype, and without the cost of a stack. */
function bareError(message: string, prototype: object): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const error = new Error(message);
    if (prototype !== Error.prototype) Object.setPrototypeOf(error, prototype);
    return error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function originOf(origin: Origin): RemoteOrigin {
  const [host, pid, taskId, item] = origin;
  return { host, pid, ...(taskId === null ? {} : { taskId }), ...(item === undefined ? {} : { item }) };
}
