import { hostname } from "node:os";
import { failureSummary, type RemoteOrigin, SerializationError, thrownMessage } from "../../errors/index.ts";
import { decode, encodeGraph } from "./binary.ts";
import { flatten } from "./flatten.ts";
import type { Graph, Origin } from "./graph.ts";

/**
 * Encodes what a task threw, of any type. Never throws: in the worst case name, message and stack remain.
 *
 * @param origin where it was thrown; by default this process
 */
export function encodeError(error: unknown, origin?: RemoteOrigin): Buffer<ArrayBuffer> {
  const from: Origin = [origin?.host ?? hostname(), origin?.pid ?? process.pid, origin?.taskId ?? null];
  if (origin?.item !== undefined) from.push(origin.item);
  try {
    return encodeGraph(failureGraph(error, from));
  } catch {
    const { message, stack } = failureSummary(error);
    return encodeGraph({ root: stack, nodes: [], failure: { origin: from, message, thrown: false } });
  }
}

/**
 * The error of an encoded failure, of its own class where this process knows the class, else RemoteError.
 *
 * @throws SerializationError when the bytes hold something else
 */
export function decodeError(bytes: Uint8Array): Error {
  const value = decode(bytes);
  if (value instanceof Error) return value;
  throw new SerializationError(`the bytes hold a value of type ${typeof value} instead of an error`, {
    path: "error",
  });
}

function failureGraph(error: unknown, origin: Origin): Graph {
  if (error instanceof Error) return { ...flatten(error, "error"), failure: { origin, message: null, thrown: false } };
  const message = thrownMessage(error);
  try {
    return { ...flatten(error, "thrown"), failure: { origin, message, thrown: true } };
  } catch {
    return { root: null, nodes: [], failure: { origin, message, thrown: false } };
  }
}
