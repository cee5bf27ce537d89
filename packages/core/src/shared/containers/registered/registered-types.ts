import { assertOptions, optionsOf } from "../../../checks/index.ts";
import { AttributeError, got, ValueError } from "../../../errors/index.ts";
import { shared } from "../../../package/index.ts";

/** Options of `registerType` and `manager.register`. */
export interface RegisterOptions {
  /**
   * Methods that can be called from outside. Of a class by default all whose name does not begin with "_"; of a factory
   * they must be named.
   */
  exposed?: readonly string[] | undefined;
  /**
   * Methods whose result becomes a live object of another registered type, which is made with it: `{ checkout: "Order" }`.
   * They can be called from outside.
   */
  methodToTypeid?: Readonly<Record<string, string>> | undefined;
}

/** What makes an object of a registered type. */
export type Maker<Instance extends object, Args extends unknown[]> =
  | (new (
      ...args: Args
    ) => Instance)
  | ((...args: Args) => Instance);

/** A class, or a factory, whose objects have their state in Redis. */
export interface RegisteredType {
  typeid: string;
  exposed: readonly string[];
  /** Of the methods whose result becomes an object: its type. */
  typeids: ReadonlyMap<string, string>;
  make(args: unknown[]): object;
  /** Plain data. */
  save(instance: object): unknown;
  restore(state: unknown, args: unknown[]): object;
}

/** A class may say itself what its state is, as Python's `__getstate__` and `__setstate__`. */
interface SavesItself {
  getState?(): unknown;
  setState?(state: unknown): void;
}

/** Names that every handle has already, and the one that would make it a promise. */
const TAKEN = new Set([
  ...["name", "kind", "typeid", "isNamed", "inspect", "call", "constructor", "then"],
  ...["toReference", "owner", "runtime", "settings"],
]);

const types: Map<string, RegisteredType> = shared("manyhands.registeredTypes", () => new Map<string, RegisteredType>());

/**
 * Makes objects of a class shareable under the name `typeid`: in every process that makes or uses one. The last
 * registration of a name counts.
 *
 * @param maker - The class, or a function that makes an object.
 * @throws TypeError for something else, or a bad `methodToTypeid`; ValueError for names that cannot be exposed
 */
export function registerType<Instance extends object, Args extends unknown[]>(
  typeid: string,
  maker: Maker<Instance, Args>,
  options: RegisterOptions = {},
): void {
  if (typeof typeid !== "string" || typeid === "") {
    throw new TypeError(`the typeid of a registered type must be a text; got ${got(typeid)}`);
  }
  if (typeof maker !== "function") {
    throw new TypeError(`register() takes a class or a function that makes an object; got ${got(maker)}`);
  }
  assertOptions("registerType()", options, REGISTER_OPTIONS);
  const Class = classOf(maker);
  const typeids = toTypeids(typeid, options.methodToTypeid);
  const exposed = checkExposed(typeid, withNames(options.exposed ?? (Class && methodsOf(Class.prototype)), typeids));
  const make = (args: unknown[]): object => (Class ? new Class(...args) : (maker as unknown as Factory)(...args));
  types.set(typeid, {
    ...{ typeid, exposed, typeids, make },
    save: saveState,
    restore: (state, args) =>
      restoreState(Class ? (Object.create(Class.prototype as object) as object) : make(args), state),
  });
}

const REGISTER_OPTIONS = optionsOf<RegisterOptions>({ exposed: "texts", methodToTypeid: true });

/** @throws AttributeError when no such type is registered here */
export function registeredType(typeid: string): RegisteredType {
  const type = types.get(typeid);
  if (type) return type;
  throw new AttributeError(
    `no type "${typeid}" is registered in this process; call registerType("${typeid}", …) in a module that it loads`,
  );
}

/** As {@link registeredType}; undefined when there is none. */
export function findRegisteredType(typeid: string): RegisteredType | undefined {
  return types.get(typeid);
}

type Factory = (...args: unknown[]) => object;

function classOf(maker: unknown): (new (...args: unknown[]) => object) | undefined {
  const isClass = /^class\b/.test(Function.prototype.toString.call(maker));
  return isClass ? (maker as new (...args: unknown[]) => object) : undefined;
}

function saveState(instance: object): unknown {
  const { getState } = instance as SavesItself;
  if (getState) return getState.call(instance);
  // Methods among the properties come with the object that is made anew.
  return Object.fromEntries(Object.entries(instance).filter(([, value]) => typeof value !== "function"));
}

function restoreState(instance: object, state: unknown): object {
  const { setState } = instance as SavesItself;
  if (setState) setState.call(instance, state);
  else Object.assign(instance, state);
  return instance;
}

function methodsOf(prototype: object): string[] {
  const names = new Set<string>();
  for (let part: object | null = prototype; part && part !== Object.prototype; part = Object.getPrototypeOf(part)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(part))) {
      if (
        typeof value === "function" &&
        !name.startsWith("_") &&
        !["constructor", "getState", "setState"].includes(name)
      ) {
        names.add(name);
      }
    }
  }
  return [...names];
}

/** @throws TypeError for something else than names of types by names of methods */
function toTypeids(typeid: string, methodToTypeid: Readonly<Record<string, string>> = {}): Map<string, string> {
  const typeids = new Map(Object.entries(methodToTypeid));
  for (const [method, made] of typeids) {
    if (typeof made === "string" && made !== "") continue;
    throw new TypeError(`methodToTypeid of the type "${typeid}" names no type for "${method}"; got ${got(made)}`);
  }
  return typeids;
}

function withNames(
  exposed: readonly string[] | undefined,
  typeids: ReadonlyMap<string, string>,
): readonly string[] | undefined {
  if (!exposed && typeids.size === 0) return undefined;
  return [...new Set([...(exposed ?? []), ...typeids.keys()])];
}

function checkExposed(typeid: string, names: readonly string[] | undefined): readonly string[] {
  if (!names)
    throw new ValueError(`the type "${typeid}" is made by a function: name its methods with { exposed: [...] }`);
  const taken = names.find((name) => TAKEN.has(name));
  if (taken === undefined) return [...names];
  throw new ValueError(
    `a method "${taken}" of the type "${typeid}" cannot be exposed: every handle has that name already`,
  );
}
