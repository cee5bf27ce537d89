/**
 * The graph form: a flat list of nodes that refer to each other by index.
 *
 * It carries what msgpackr alone would lose or bend: errors with their class, live handles, cycles through any type,
 * -0, holes in arrays, text with half a surrogate pair, nesting of any depth.
 */
export interface Graph {
  root: Slot;
  nodes: Node[];
  /** Set for the failure of a task. */
  failure: Failure | null;
}

/** A primitive as it is, or `[index of a node]`; `[-1]` is the number -0. */
export type Slot = null | undefined | boolean | number | string | bigint | [index: number];

export const NEGATIVE_ZERO: [number] = [-1];

export type Node =
  | [kind: "object", keys: Slot[], values: Slot[]]
  | [kind: "array", items: Slot[]]
  | [kind: "sparse", length: number, indices: number[], items: Slot[]]
  | [kind: "map", keys: Slot[], values: Slot[]]
  | [kind: "set", items: Slot[]]
  /** UTF-16 code units of a string that UTF-8 cannot hold. */
  | [kind: "text", units: Uint16Array]
  /** What msgpackr carries by itself: Date, RegExp, ArrayBuffer and its views. */
  | [kind: "native", value: object]
  /** A view that msgpackr does not know, by the name of its class. */
  | [kind: "view", name: string, bytes: Uint8Array]
  | [kind: "boxed", value: Slot]
  | [kind: "transferable", tag: string, reference: Graph]
  /** A value that shares nothing with the rest. */
  | [kind: "separate", Graph]
  | [kind: "error", ErrorNode];

export interface ErrorNode {
  /** See `wireName`. */
  className: string;
  name: Slot;
  message: Slot;
  stack: Slot;
  /** Own enumerable properties that could be sent. */
  keys: Slot[];
  values: Slot[];
  /** Empty, or its one element. */
  cause: [] | [Slot];
  errors: Slot[] | null;
  /** Where the error was thrown, if it had crossed processes before. */
  origin: Origin | null;
}

/** `item` is there when it is known which item of a chunk failed. */
export type Origin = [host: string, pid: number, taskId: string | null, item?: number];

export interface Failure {
  origin: Origin;
  /** Set when the task threw something that is not an Error: the message of the error to make of it. */
  message: string | null;
  /** The root holds what was thrown. */
  thrown: boolean;
}
