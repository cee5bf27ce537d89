import { types } from "node:util";
import { ValueError } from "../errors/errors.ts";
import { got } from "../errors/got.ts";
import { nearNames } from "../errors/near-names.ts";

/** How a method is called. */
export interface CallForm {
  /** The right form, for messages, such as `mp.lock({ name, lease })`. */
  form: string;
  /** Most arguments. */
  most: number;
  /** Names of the options that the argument at a position may have. */
  options?: { readonly [position: number]: readonly string[] };
  /** What else than options may stand at those positions. */
  orElse?: readonly ("string" | "number" | "boolean")[];
  /** Positions at which no options may stand. */
  noOptions?: readonly number[];
  /** It answers with a promise, which a fault rejects; known of methods that are `async`. */
  rejects?: boolean;
}

/** Names of the options of a type; the compiler sees to it that none is missing. */
export function namesOf<Options>(names: { readonly [Name in keyof Options]-?: true }): readonly string[] {
  return Object.keys(names);
}

/**
 * Makes methods of a class refuse what they do not take: an argument too many, an option of an unknown name, something else
 * than options in their place. Types refuse the same; callers without types, or with a name that was mistyped, would
 * otherwise be ignored.
 */
export function strictCalls(prototype: object, forms: { readonly [method: string]: CallForm }): void {
  for (const [method, form] of Object.entries(forms)) {
    const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
    const rejects = form.rejects ?? types.isAsyncFunction(original);
    const countsOnly = form.options === undefined && form.noOptions === undefined;
    const checked = function (this: unknown, ...args: unknown[]): unknown {
      if (countsOnly && args.length <= form.most) return Reflect.apply(original, this, args);
      const fault = faultOf(form, args);
      if (fault === null) return Reflect.apply(original, this, args);
      if (rejects) return Promise.reject(new ValueError(fault));
      throw new ValueError(fault);
    };
    Object.defineProperty(checked, "name", { value: method });
    Object.defineProperty(prototype, method, { value: checked, writable: true, configurable: true });
  }
}

/** @param what - Takes the options, such as "connect()". @throws ValueError for what is no object, or an unknown option */
export function assertOptions(what: string, options: unknown, names: readonly string[]): void {
  if (options === undefined) return;
  const fault = isPlain(options) ? unknownOption(options, names) : `takes options as an object; got ${kindOf(options)}`;
  if (fault !== null) throw new ValueError(`${what} ${fault}`);
}

function faultOf(
  { form, most, options, orElse = [], noOptions = [] }: CallForm,
  args: readonly unknown[],
): string | null {
  const method = form.slice(0, form.indexOf("("));
  if (args.length > most && args.slice(most).some((extra) => extra !== undefined)) {
    const count = most === 0 ? "no arguments" : most === 1 ? "one argument" : `at most ${most} arguments`;
    return `${method}() takes ${count}: ${form}; got ${args.map(kindOf).join(", ")}`;
  }
  for (const position of noOptions) {
    if (isPlain(args[position])) return `${method}() takes no options as argument ${position + 1}: ${form}`;
  }
  for (const [position, names] of Object.entries(options ?? {})) {
    const given = args[Number(position)];
    if (given === undefined || given === null || orElse.includes(typeof given as "string")) continue;
    if (!isPlain(given))
      return `${method}() does not take ${kindOf(given)} as argument ${Number(position) + 1}: ${form}`;
    const fault = unknownOption(given, names);
    if (fault !== null) return `${method}() ${fault}: ${form}`;
  }
  return null;
}

function unknownOption(options: object, names: readonly string[]): string | null {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const [near] = nearNames(name, names);
    const advice = near === undefined ? `; it takes ${names.join(", ") || "none"}` : `; did you mean ${near}?`;
    return `has no option ${got(name)}${advice}`;
  }
  return null;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of another realm, such as a test runner's, too.
  return prototype === null || Object.getPrototypeOf(prototype as object) === null;
}

function kindOf(value: unknown): string {
  if (typeof value === "function") return `the function ${value.name || "without a name"}`;
  if (typeof value !== "object" || value === null) return got(value);
  if (Array.isArray(value)) return "a list";
  const className = value.constructor?.name ?? "value";
  return isPlain(value) ? `{ ${Object.keys(value).join(", ")} }` : `a ${className}`;
}
