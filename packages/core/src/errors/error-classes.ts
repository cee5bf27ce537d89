import { AssertionError } from "node:assert";
import * as own from "./errors.ts";

/** A class of errors; its constructor may want anything. */
export type ErrorClass = abstract new (...args: never[]) => Error;

const BUILT_IN: Record<string, ErrorClass> = {
  Error,
  AggregateError,
  AssertionError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  // New in Node 24.
  ...(typeof SuppressedError === "function" && { SuppressedError }),
};

const classes = new Map<string, ErrorClass>();
const names = new Map<unknown, string>();
for (const [name, builtIn] of Object.entries(BUILT_IN)) remember(`builtin:${name}`, builtIn);
for (const [name, ours] of Object.entries(own)) {
  if (typeof ours === "function" && ours !== own.RemoteError) remember(`manyhands:${name}`, ours);
}

/**
 * Makes errors of a class keep it when they come from another process: without this they arrive as RemoteError.
 * Call it where the errors are caught. The constructor does not run there.
 *
 * @throws ValueError when another class of that name is registered
 */
export function registerError<Class extends ErrorClass>(errorClass: Class): Class {
  const { name } = errorClass;
  if (typeof errorClass !== "function" || !(errorClass.prototype instanceof Error)) {
    throw new own.ValueError(`registerError() takes a class that extends Error, got ${String(name ?? errorClass)}`);
  }
  if (name === "") throw new own.ValueError("registerError() needs a class with a name, by which it is found again");
  const known = classes.get(name);
  if (known !== undefined && known !== errorClass) {
    throw new own.ValueError(`another class "${name}" is registered already; rename one of them`);
  }
  if (!names.has(errorClass)) remember(name, errorClass);
  return errorClass;
}

/** The class of that wire name, where it is known. */
export function errorClassOf(wireName: string): ErrorClass | undefined {
  return classes.get(wireName);
}

/**
 * Name under which an error's class travels. Built-in classes and ours have a prefix, so that a class of the user
 * that bears the same name is never mistaken for them.
 */
export function wireNameOf(error: Error): string {
  // On its way through a process that does not know it, an error keeps the class it had.
  if (error instanceof own.RemoteError) return error.name;
  if (error instanceof DOMException) return "builtin:DOMException";
  const errorClass: unknown = error.constructor;
  const known = names.get(errorClass);
  if (known !== undefined) return known;
  const name = typeof errorClass === "function" ? errorClass.name : "";
  if (own.MANYHANDS_ERROR in error && classes.has(`manyhands:${name}`)) return `manyhands:${name}`;
  // An error of another realm (node:vm) has built-in classes of its own.
  if (!(error instanceof Error) && classes.has(`builtin:${name}`)) return `builtin:${name}`;
  return name === "" ? error.name : name;
}

/** The name a programmer knows the class by. */
export function plainName(wireName: string): string {
  return wireName.replace(/^(builtin|manyhands):/, "");
}

function remember(name: string, errorClass: ErrorClass): void {
  classes.set(name, errorClass);
  names.set(errorClass, name);
}
