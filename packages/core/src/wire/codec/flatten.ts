import { types } from "node:util";
import { originOf, plainName, SerializationError, wireNameOf } from "../../errors/index.ts";
import { bytesNode } from "./bytes-node.ts";
import { type ErrorNode, type Graph, NEGATIVE_ZERO, type Node, type Slot } from "./graph.ts";
import { mapStep, type Place, pathOf } from "./place.ts";
import { classNameOf, functionRefusal, objectRefusal, type Refusal, refuse, symbolRefusal } from "./refusal.ts";
import { findTransferable, type Purpose, type Transferable } from "./transferable.ts";

/** Errors in errors in errors: the next ones are left out. */
const MAX_ERROR_DEPTH = 32;
/** Properties of an error that have a field of their own. */
const ERROR_FIELDS = new Set(["name", "message", "stack", "cause", "errors"]);

/**
 * Brings a value into the graph form.
 *
 * @throws SerializationError that names the place of the first thing that cannot be sent
 */
export function flatten(value: unknown, path: string, purpose: Purpose = "sending"): Graph {
  return new Flattening(purpose).run(value, path);
}

/** A list of values, each of which keeps its shared parts and cycles for itself. */
export function flattenSeparately(values: unknown[], path: string): Graph {
  const slots: Slot[] = [];
  const nodes: Node[] = [["array", slots]];
  values.forEach((value, index) => {
    slots.push([nodes.push(["separate", flatten(value, `${path}[${index}]`)]) - 1]);
  });
  return { root: [0], nodes, failure: null };
}

class Flattening {
  readonly #purpose: Purpose;
  readonly #indices = new Map<object, number>();
  /** What each node stands for, to take nodes back. */
  readonly #sources: (object | null)[] = [];
  readonly #nodes: Node[] = [];
  #waiting: { value: object; index: number; place: Place }[] = [];
  #errorDepth = 0;

  constructor(purpose: Purpose) {
    this.#purpose = purpose;
  }

  run(value: unknown, path: string): Graph {
    const root = this.#slot(value, { parent: null, step: path, instance: null });
    this.#describeWaiting();
    return { root, nodes: this.#nodes, failure: null };
  }

  /** No recursion over containers, so that depth costs no stack. */
  #describeWaiting(): void {
    const waiting = this.#waiting;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const mark = waiting.length;
      this.#nodes[next.index] = this.#describe(next.value, next.place);
      // In the order of the value, so that of two refusals the first is reported.
      reverseFrom(waiting, mark);
    }
  }

  #slot(value: unknown, place: Place): Slot {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return Object.is(value, -0) ? NEGATIVE_ZERO : value;
      case "symbol":
        throw refuse(place, symbolRefusal);
      case "function":
        if (findTransferable(value) === undefined) throw refuse(place, functionRefusal(value));
        return this.#reference(value, place);
      case "object":
        return value === null ? null : this.#reference(value, place);
      default:
        return value as Slot;
    }
  }

  #text(text: string): Slot {
    if (text.isWellFormed()) return text;
    const units = new Uint16Array(text.length);
    for (let index = 0; index < text.length; index += 1) units[index] = text.charCodeAt(index);
    this.#sources.push(null);
    return [this.#nodes.push(["text", units]) - 1];
  }

  #reference(value: object, place: Place): Slot {
    const known = this.#indices.get(value);
    if (known !== undefined) return [known];
    const index = this.#nodes.push(["array", []]) - 1;
    this.#sources.push(value);
    this.#indices.set(value, index);
    this.#waiting.push({ value, index, place });
    return [index];
  }

  #describe(value: object, place: Place): Node {
    try {
      return this.#describeChecked(value, place);
    } catch (error) {
      if (error instanceof SerializationError) throw error;
      const refusal = { what: `an object that cannot be read`, advice: "see the cause: one of its getters threw" };
      throw refuse(place, refusal, error);
    }
  }

  #describeChecked(value: object, place: Place): Node {
    if (!types.isProxy(value)) {
      if (Array.isArray(value)) return this.#array(value, place);
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) return this.#object(value, place);
    }
    const transferable = findTransferable(value);
    if (transferable) return this.#transferable(value, { place, transferable });
    if (types.isProxy(value)) return reject(place, objectRefusal(value));
    if (value instanceof Error || types.isNativeError(value)) return ["error", this.#error(value as Error, place)];
    return this.#builtIn(value, place) ?? this.#instance(value, place);
  }

  #array(array: unknown[], place: Place): Node {
    const { length } = array;
    const items: Slot[] = [];
    for (let index = 0; index < length; index += 1) {
      const item = array[index];
      if (item === undefined && !(index in array)) return this.#sparse(array, place);
      items.push(this.#slot(item, { parent: place, step: index, instance: place.instance }));
    }
    return ["array", items];
  }

  #sparse(array: unknown[], place: Place): Node {
    const indices: number[] = [];
    const items: Slot[] = [];
    for (const key of Object.keys(array)) {
      const index = Number(key);
      if (String(index >>> 0) !== key) continue;
      indices.push(index);
      items.push(this.#slot(array[index], { parent: place, step: index, instance: place.instance }));
    }
    return ["sparse", array.length, indices, items];
  }

  /** Own enumerable properties with text keys, as structured clone takes them. */
  #object(object: object, place: Place): Node {
    const keys: Slot[] = [];
    const values: Slot[] = [];
    for (const key of Object.keys(object)) {
      const inner: Place = { parent: place, step: key, instance: place.instance };
      const value = readProperty(object, { key, place: inner });
      keys.push(this.#text(key));
      values.push(this.#slot(value, inner));
    }
    return ["object", keys, values];
  }

  #instance(value: object, place: Place): Node {
    const inside: Place = { ...place, instance: { place, className: classNameOf(value) } };
    // Its own place must be recognisable as the instance's.
    if (inside.instance) inside.instance.place = inside;
    const refusal = objectRefusal(value);
    if (refusal) throw refuse(inside, refusal);
    return this.#object(value, inside);
  }

  #builtIn(value: object, place: Place): Node | null {
    const { instance } = place;
    if (types.isMap(value)) {
      const keys: Slot[] = [];
      const values: Slot[] = [];
      for (const [key, item] of value) {
        const index = keys.length;
        keys.push(this.#slot(key, { parent: place, step: () => `.keys()[${index}]`, instance }));
        values.push(this.#slot(item, { parent: place, step: mapStep(key, index), instance }));
      }
      return ["map", keys, values];
    }
    if (types.isSet(value)) {
      const items: Slot[] = [];
      for (const item of value) {
        const index = items.length;
        items.push(this.#slot(item, { parent: place, step: () => `.values()[${index}]`, instance }));
      }
      return ["set", items];
    }
    if (types.isDate(value)) return ["native", new Date(value.getTime())];
    if (types.isRegExp(value)) return ["native", new RegExp(value.source, value.flags)];
    if (types.isBoxedPrimitive(value)) {
      const primitive: unknown = value.valueOf();
      return ["boxed", this.#slot(typeof primitive === "object" ? null : primitive, place)];
    }
    return bytesNode(value, place);
  }

  #transferable(value: object, at: { place: Place; transferable: Transferable<object, unknown> }): Node {
    const reference = at.transferable.toReference(value, this.#purpose);
    return ["transferable", at.transferable.tag, flatten(reference, pathOf(at.place), this.#purpose)];
  }

  #error(error: Error, place: Place): ErrorNode {
    const notSent: string[] = [];
    const className = wireNameOf(error);
    const origin = originOf(error);
    const node: ErrorNode = {
      className,
      name: this.#text(textOf(error, "name") || plainName(className)),
      message: this.#text(textOf(error, "message")),
      stack: "",
      keys: [],
      values: [],
      cause: [],
      errors: null,
      origin: origin ? [origin.host, origin.pid, origin.taskId ?? null] : null,
    };
    this.#errorDepth += 1;
    try {
      this.#errorParts(error, { node, place, notSent });
    } finally {
      this.#errorDepth -= 1;
    }
    node.stack = this.#text([textOf(error, "stack"), ...notSent].join("\n"));
    return node;
  }

  /** What cannot be sent is left out with a note in the stack: the error itself matters more. */
  #errorParts(error: Error, to: { node: ErrorNode; place: Place; notSent: string[] }): void {
    const { node, place, notSent } = to;
    const part = (step: Place["step"], value: unknown, keep: (slot: Slot) => void): void => {
      const problem = this.#attempt(value, { parent: place, step, instance: null }, keep);
      if (problem) notSent.push(`    (not sent: ${problem.message})`);
    };
    const property = (key: string, keep: (value: unknown) => void): void => {
      let value: unknown;
      try {
        value = readProperty(error, { key, place: { parent: place, step: key, instance: null } });
      } catch (problem) {
        notSent.push(`    (not sent: ${(problem as SerializationError).message})`);
        return;
      }
      keep(value);
    };
    if (Object.hasOwn(error, "cause")) {
      property("cause", (cause) => part("cause", cause, (slot) => node.cause.push(slot as never)));
    }
    let errors: unknown;
    if (error instanceof AggregateError) {
      property("errors", (value) => {
        errors = value;
      });
    }
    if (Array.isArray(errors)) {
      const slots: Slot[] = [];
      errors.forEach((inner, index) => {
        part(
          () => `.errors[${index}]`,
          inner,
          (slot) => slots.push(slot),
        );
      });
      node.errors = slots;
    }
    for (const key of [...Object.keys(error), ...hiddenKeys(error)]) {
      if (ERROR_FIELDS.has(key) && (key !== "errors" || node.errors !== null)) continue;
      property(key, (value) =>
        part(key, value, (slot) => {
          node.keys.push(this.#text(key));
          node.values.push(slot);
        }),
      );
    }
  }

  /** Takes in a value completely, or not at all. */
  #attempt(value: unknown, place: Place, keep: (slot: Slot) => void): SerializationError | null {
    const waiting = this.#waiting;
    const mark = this.#nodes.length;
    this.#waiting = [];
    try {
      const isNew = typeof value === "object" && value !== null && !this.#indices.has(value);
      if (isNew && this.#errorDepth >= MAX_ERROR_DEPTH) {
        throw refuse(place, {
          what: `nested in more than ${MAX_ERROR_DEPTH} errors`,
          advice: "shorten the chain of causes",
        });
      }
      const slot = this.#slot(value, place);
      this.#describeWaiting();
      keep(slot);
      return null;
    } catch (error) {
      if (!(error instanceof SerializationError)) throw error;
      for (const source of this.#sources.splice(mark)) if (source) this.#indices.delete(source);
      this.#nodes.length = mark;
      return error;
    } finally {
      this.#waiting = waiting;
    }
  }
}

/** In place: a spread of many items would overflow the stack. */
function reverseFrom(list: unknown[], start: number): void {
  for (let low = start, high = list.length - 1; low < high; low += 1, high -= 1) {
    [list[low], list[high]] = [list[high], list[low]];
  }
}

function reject(place: Place, refusal: Refusal | null): never {
  throw refuse(place, refusal ?? { what: "not sendable", advice: "send plain data instead" });
}

function readProperty(object: object, at: { key: string; place: Place }): unknown {
  try {
    return (object as Record<string, unknown>)[at.key];
  } catch (error) {
    throw refuse(
      at.place,
      { what: "a property whose getter throws", advice: "see the cause; send plain data instead" },
      error,
    );
  }
}

/** What `await using` threw twice is in properties that are not enumerable. */
function hiddenKeys(error: Error): string[] {
  if (typeof SuppressedError !== "function" || !(error instanceof SuppressedError)) return [];
  return ["error", "suppressed"].filter((key) => Object.getOwnPropertyDescriptor(error, key)?.enumerable === false);
}

function textOf(error: Error, key: "name" | "message" | "stack"): string {
  try {
    const text: unknown = error[key];
    return typeof text === "string" ? text : text === undefined ? "" : String(text);
  } catch {
    return "";
  }
}
