import { AttributeError, got, ValueError } from "../../../errors/index.ts";
import { textToValue } from "../../../wire/codec/index.ts";
import type { ObjectIdentity, ObjectRuntime } from "../../object/index.ts";
import { Container, type MakeWith, toText, type WriteOptions } from "../calls/index.ts";
import { dictCalls, NO_NUMBER } from "../dict/dict-operations.ts";

/**
 * Names with values that any process can use (rule M6): Python's `manager.Namespace()`. A property cannot be awaited in
 * JavaScript, so `ns.x = 1` is `await ns.set("x", 1)`. Names that begin with "_" belong to this handle alone.
 */
export class NamespaceProxy<Attributes extends object = Record<string, unknown>> extends Container {
  override readonly kind: string = "namespace";
  readonly #local = new Map<string, unknown>();

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, makeWith: MakeWith) {
    super(runtime, identity, { script: dictCalls, makeWith });
    this.makeSoon();
  }

  /** @throws AttributeError when there is no such name */
  async get<Name extends keyof Attributes & string>(name: Name): Promise<Attributes[Name]> {
    if (isLocal(name) && this.#local.has(name)) return this.#local.get(name) as Attributes[Name];
    const text = isLocal(name) ? null : await this.read("get", [name]);
    if (text === null) throw this.#missing(name);
    return textToValue(text as string) as Attributes[Name];
  }

  /** @throws SerializationError for what cannot be sent; LockLostError for a fence that is too small */
  async set<Name extends keyof Attributes & string>(
    name: Name,
    value: Attributes[Name],
    options?: WriteOptions,
  ): Promise<void> {
    if (isLocal(name)) this.#local.set(name, value);
    else await this.write("set", [name, toText(value)], options);
  }

  /** @throws AttributeError when there is no such name */
  async delete(name: keyof Attributes & string, options?: WriteOptions): Promise<void> {
    const isGone = isLocal(name) ? this.#local.delete(name) : (await this.write("delete", [name], options)) === 1;
    if (!isGone) throw this.#missing(name);
  }

  async has(name: string): Promise<boolean> {
    return isLocal(name) ? this.#local.has(name) : (await this.read("has", [name])) === 1;
  }

  /** Sets many names together. */
  async update(attributes: Partial<Attributes>, options?: WriteOptions): Promise<void> {
    const shared = Object.entries(attributes).filter(([name]) => !isLocal(name));
    for (const [name, value] of Object.entries(attributes)) if (isLocal(name)) this.#local.set(name, value);
    await this.write(
      "set",
      shared.flatMap(([name, value]) => [name, toText(value)]),
      options,
    );
  }

  /**
   * Adds to a number, atomically; a missing name counts as 0.
   * @returns the sum
   * @throws ValueError when the value is not a number
   */
  async increment(name: keyof Attributes & string, by: number = 1, options?: WriteOptions): Promise<number> {
    if (!Number.isFinite(by)) throw new ValueError(`increment() adds a finite number; got ${got(by)}`);
    if (isLocal(name))
      throw new ValueError(`"${name}" begins with "_" and is not shared; increment() is for shared names`);
    const sum = await this.write("increment", [name, by], options);
    if (sum !== NO_NUMBER) return Number(sum);
    throw new ValueError(`"${name}" of the namespace "${this.name}" is not a number`);
  }

  /** A plain copy of what is shared, at one moment. */
  async copy(): Promise<Partial<Attributes>> {
    const [names, texts] = (await this.read("items")) as [string[], string[]];
    return Object.fromEntries(
      names.map((name, index) => [name, textToValue(texts[index] ?? "")]),
    ) as Partial<Attributes>;
  }

  #missing(name: string): AttributeError {
    return new AttributeError(`the namespace "${this.name}" has no attribute "${name}"`);
  }
}

/** For `manager.namespace()`. @throws ValueError for something else than an object; SerializationError */
export function createNamespace<Attributes extends object>(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  initial: Attributes | undefined,
): NamespaceProxy<Attributes> {
  if (initial !== undefined && (typeof initial !== "object" || initial === null)) {
    throw new ValueError(`a namespace takes an object; got ${got(initial)}`);
  }
  const entries = Object.entries(initial ?? {}).filter(([name]) => !isLocal(name));
  return new NamespaceProxy<Attributes>(
    runtime,
    identity,
    entries.flatMap(([name, value]) => [name, toText(value)]),
  );
}

function isLocal(name: unknown): boolean {
  if (typeof name !== "string") throw new TypeError(`the name of an attribute must be a text; got ${got(name)}`);
  return name.startsWith("_");
}
