import { EventEmitter } from "node:events";
import { types } from "node:util";
import { SerializationError } from "../../errors/index.ts";
import { type Place, pathOf } from "./place.ts";

/** Why a value cannot be sent, and what to do instead. */
export interface Refusal {
  what: string;
  advice: string;
}

/** The error for a value that cannot be sent. An instance that holds it is refused as a whole, with the inner place. */
export function refuse(place: Place, refusal: Refusal, cause?: unknown): SerializationError {
  const inner = pathOf(place);
  const instance = place.instance;
  const options = cause === undefined ? {} : { cause };
  if (instance === null || instance.place === place) {
    return new SerializationError(
      `${inner} cannot be sent to another process: it is ${refusal.what}; ${refusal.advice}`,
      { ...options, path: inner },
    );
  }
  const path = pathOf(instance.place);
  return new SerializationError(
    `${path} cannot be sent to another process: it is an instance of ${instance.className} that holds ${refusal.what} at ${inner}; ${refusal.advice}, or send the instance's data as a plain object`,
    { ...options, path },
  );
}

export function functionRefusal(value: { name: unknown }): Refusal {
  const name = typeof value.name === "string" && value.name !== "" ? ` named ${JSON.stringify(value.name)}` : "";
  return { what: `a function${name}`, advice: "code stays where it is: send data, or the name of a task, instead" };
}

export const symbolRefusal: Refusal = { what: "a symbol", advice: "send a string instead" };

/** Reason for which an object that is neither plain nor carried by structured clone is refused; null = it may go. */
export function objectRefusal(value: object): Refusal | null {
  if (types.isProxy(value)) return { what: "a Proxy", advice: "send a plain copy of what it shows" };
  if (types.isPromise(value)) return { what: "a Promise", advice: "await it first and send its value" };
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef) {
    return { what: `a ${classNameOf(value)}`, advice: "send a Map, a Set or the object itself" };
  }
  if (types.isSharedArrayBuffer(value)) {
    return {
      what: "a SharedArrayBuffer",
      advice: "memory is not shared between processes: send a copy, `buffer.slice()`",
    };
  }
  if (types.isGeneratorObject(value)) return { what: "a generator", advice: "collect its values into an array first" };
  if (value instanceof EventEmitter) {
    return {
      what: `a live ${classNameOf(value)} (an event emitter, such as a stream or a socket)`,
      advice: "it belongs to the process that made it: send its contents, an address or a path",
    };
  }
  if (typeof (value as { then?: unknown }).then === "function") {
    return { what: `a promise-like ${classNameOf(value)}`, advice: "await it first and send its value" };
  }
  if (keepsStatePrivate(value)) {
    return {
      what: `an instance of ${classNameOf(value)} whose state is private`,
      advice: "send its contents as plain data or text",
    };
  }
  return null;
}

/** Private fields and internal slots (URL, Headers, KeyObject, a pool) would arrive as `{}`, which is of no use. */
function keepsStatePrivate(value: object): boolean {
  if (Object.keys(value).length > 0) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return false;
  return Reflect.ownKeys(prototype).some((key) => key !== "constructor");
}

export function classNameOf(value: object): string {
  try {
    const name = (value as { constructor?: { name?: unknown | undefined } }).constructor?.name;
    return typeof name === "string" && name !== "" ? name : "an unnamed class";
  } catch {
    return "an unnamed class";
  }
}
