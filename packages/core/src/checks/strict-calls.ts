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
  /** Options that the argument at a position may have. */
  options?: { readonly [position: number]: OptionTypes };
  /** What else than options may stand at those positions. */
  orElse?: readonly ("string" | "number" | "boolean" | "function")[];
  /** Positions at which no options may stand. */
  noOptions?: readonly number[];
  /** Positions of functions. */
  functions?: readonly number[];
  /** It answers with a promise, which a fault rejects; known of methods that are `async`. */
  rejects?: boolean;
}

/** What an option takes; `true`: its value is checked where it is used. `undefined` and `null` leave an option out. */
type OptionType = true | "text" | "texts" | "boolean" | "function" | "signal" | "count";

/** The options of a call by name. */
export type OptionTypes = Readonly<Record<string, OptionType>>;

const TYPES: Readonly<Record<Exclude<OptionType, true>, { words: string; holds: (value: unknown) => boolean }>> = {
  text: { words: "a text", holds: (value) => typeof value === "string" },
  texts: {
    words: "a list of texts",
    holds: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  },
  boolean: { words: "true or false", holds: (value) => typeof value === "boolean" },
  function: { words: "a function", holds: (value) => typeof value === "function" },
  signal: { words: "an AbortSignal", holds: isSignal },
  count: { words: "a whole number from 0", holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0 },
};

/** Also one of another realm, such as a test runner's. */
function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

/** The options of a type, with what they take; the compiler sees to it that none is missing. */
export function optionsOf<Options>(types: { readonly [Name in keyof Options]-?: OptionType }): OptionTypes {
  return types as OptionTypes;
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
    const countsOnly = !form.options && !form.noOptions && !form.functions?.length;
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

/**
 * @param what - Takes the options, such as "connect()".
 * @throws ValueError for what is no object, an unknown option, or an option of a wrong type
 */
export function assertOptions(what: string, options: unknown, known: OptionTypes): void {
  if (options === undefined) return;
  const fault = isPlain(options) ? faultyOption(options, known) : `takes options as an object; got ${kindOf(options)}`;
  if (fault !== null) throw new ValueError(`${what} ${fault}`);
}

function faultOf(
  { form, most, options, orElse = [], noOptions = [], functions = [] }: CallForm,
  args: readonly unknown[],
): string | null {
  const method = form.slice(0, form.indexOf("("));
  if (args.length > most && args.slice(most).some((extra) => extra !== undefined)) {
    const count = most === 0 ? "no arguments" : most === 1 ? "one argument" : `at most ${most} arguments`;
    return `${method}() takes ${count}: ${form}; got ${args.map(kindOf).join(", ")}`;
  }
  for (const position of functions) {
    if (typeof args[position] === "function") continue;
    return `${method}() takes a function as argument ${position + 1}: ${form}; got ${kindOf(args[position])}`;
  }
  for (const position of noOptions) {
    if (isPlain(args[position])) return `${method}() takes no options as argument ${position + 1}: ${form}`;
  }
  for (const [position, known] of Object.entries(options ?? {})) {
    const given = args[Number(position)];
    if (given === undefined || given === null || orElse.includes(typeof given as "string")) continue;
    if (!isPlain(given))
      return `${method}() does not take ${kindOf(given)} as argument ${Number(position) + 1}: ${form}`;
    const fault = faultyOption(given, known);
    if (fault !== null) return `${method}() ${fault}: ${form}`;
  }
  return null;
}

function faultyOption(options: object, known: OptionTypes): string | null {
  for (const [name, value] of Object.entries(options)) {
    const type = Object.hasOwn(known, name) ? known[name] : undefined;
    if (type !== undefined) {
      if (type === true || value === undefined || value === null || TYPES[type].holds(value)) continue;
      return `takes ${TYPES[type].words} as ${name}; got ${kindOf(value)}`;
    }
    const names = Object.keys(known);
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
