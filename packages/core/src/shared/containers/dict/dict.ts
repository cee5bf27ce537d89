import { assertOptions, type OptionTypes, optionsOf } from "../../../checks/index.ts";
import { got, KeyError, ValueError } from "../../../errors/index.ts";
import { pauseBeforeRetry } from "../../../time/index.ts";
import { textToValue } from "../../../wire/codec/index.ts";
import type { ObjectIdentity, ObjectRuntime } from "../../object/index.ts";
import { Container, type MakeWith, toText, type WriteOptions } from "../calls/index.ts";
import { checkPageSize } from "../calls/places.ts";
import { dictCalls, NO_NUMBER } from "./dict-operations.ts";

/** What a dict can be made with, or updated with. */
export type DictEntries<Key, Value> = Iterable<readonly [Key, Value]> | Readonly<Record<string, Value>>;

/** Entries that are fetched at a time. */
const PAGE = 1_000;

/**
 * A dict that any process can use (rules M1-M5): Python's `manager.dict()`, with the method names of Map where there is one.
 *
 * Keys are plain data, or handles of shared objects; 1 and "1" are two keys. It keeps the order in which keys were added.
 * Values are copies: changing what was read changes nothing until it is set again (M4); a shared object inside stays the
 * same object (M3).
 */
export class DictProxy<Key = string, Value = unknown> extends Container {
  override readonly kind: string = "dict";

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, makeWith: MakeWith) {
    super(runtime, identity, { script: dictCalls, makeWith });
    this.makeSoon();
  }

  /** The value of a key; `fallback`, or undefined, for one that is missing. Python's `d.get(key, default)`. */
  async get(key: Key): Promise<Value | undefined>;
  async get(key: Key, fallback: Value): Promise<Value>;
  async get(key: Key, fallback?: Value): Promise<Value | undefined> {
    const text = await this.read("get", [keyText(key)]);
    return text === null ? fallback : toValue<Value>(text);
  }

  /** The value of a key. Python's `d[key]`. @throws KeyError when it is missing */
  async at(key: Key): Promise<Value> {
    const text = await this.read("get", [keyText(key)]);
    if (text === null) throw this.#missing(key);
    return toValue<Value>(text);
  }

  /** The values of many keys, in one round trip; undefined for those that are missing. */
  async getMany(keys: Iterable<Key>): Promise<(Value | undefined)[]> {
    const texts = (await this.read("getMany", [...keys].map(keyText))) as (string | null)[];
    return texts.map((text) => (text === null ? undefined : toValue<Value>(text)));
  }

  /** @throws SerializationError for what cannot be sent; LockLostError for a fence that is too small */
  async set(key: Key, value: Value, options?: WriteOptions): Promise<void> {
    await this.write("set", [keyText(key), toText(value)], options);
  }

  /** Removes a key. @returns whether it was there */
  async delete(key: Key, options?: WriteOptions): Promise<boolean> {
    return (await this.write("delete", [keyText(key)], options)) === 1;
  }

  /** Removes many keys, in one round trip. @returns how many were there */
  async deleteMany(keys: Iterable<Key>, options?: WriteOptions): Promise<number> {
    return (await this.write("delete", [...keys].map(keyText), options)) as number;
  }

  async has(key: Key): Promise<boolean> {
    return (await this.read("has", [keyText(key)])) === 1;
  }

  /** How many keys there are. */
  async length(): Promise<number> {
    return (await this.read("length")) as number;
  }

  /** As {@link length}, under Map's name. */
  size(): Promise<number> {
    return this.length();
  }

  /** All keys at one moment, in the order in which they were added. */
  async keys(): Promise<Key[]> {
    return ((await this.read("keys")) as string[]).map((text) => toValue<Key>(text));
  }

  /** All values at one moment, in the order of their keys. */
  async values(): Promise<Value[]> {
    return ((await this.read("values")) as string[]).map((text) => toValue<Value>(text));
  }

  /** All keys with their values at one moment, in order. */
  async items(): Promise<[Key, Value][]> {
    return toEntries((await this.read("items")) as [string[], string[]]);
  }

  /** As {@link items}, under Map's name. */
  entries(): Promise<[Key, Value][]> {
    return this.items();
  }

  /** A plain copy. */
  async copy(): Promise<Map<Key, Value>> {
    return new Map(await this.items());
  }

  /**
   * Removes a key and gives its value; `fallback` for one that is missing.
   * @throws KeyError when it is missing and there is no fallback
   */
  async pop(key: Key, fallback?: Value, options?: WriteOptions): Promise<Value> {
    const text = await this.write("pop", [keyText(key)], options);
    if (text !== null) return toValue<Value>(text);
    if (fallback === undefined) throw this.#missing(key);
    return fallback;
  }

  /** Removes the key that was added last. @throws KeyError when there is none */
  async popitem(options?: WriteOptions): Promise<[Key, Value]> {
    const item = (await this.write("popitem", [], options)) as [string, string] | null;
    if (item === null) throw new KeyError(`popitem() of the dict "${this.name}", which is empty`);
    return [toValue<Key>(item[0]), toValue<Value>(item[1])];
  }

  /** The value of a key, which is set first if it is missing. */
  async setdefault(key: Key, value: Value, options?: WriteOptions): Promise<Value> {
    return toValue<Value>(await this.write("setdefault", [keyText(key), toText(value)], options));
  }

  async clear(options?: WriteOptions): Promise<void> {
    await this.write("clear", [], options);
  }

  /** Sets many keys, in one round trip and at one moment. */
  async update(entries: DictEntries<Key, Value>, options?: WriteOptions): Promise<void>;
  /**
   * Changes the value of one key so that no change in between is lost: `change` is called again when another one came
   * first. It gives the new value (undefined removes the key), and may be asynchronous.
   * @returns the new value
   */
  async update(
    key: Key,
    change: (value: Value | undefined) => Value | undefined | Promise<Value | undefined>,
    options?: WriteOptions & { signal?: AbortSignal | undefined },
  ): Promise<Value | undefined>;
  async update(
    first: Key | DictEntries<Key, Value>,
    second?: WriteOptions | ((value: Value | undefined) => Value | undefined | Promise<Value | undefined>),
    third?: WriteOptions & { signal?: AbortSignal | undefined },
  ): Promise<unknown> {
    if (typeof second === "function") return this.#change(first as Key, second, third ?? {});
    await this.write("set", entryTexts(first as DictEntries<Key, Value>), second);
    return undefined;
  }

  /** As {@link update} of many keys. */
  setMany(entries: DictEntries<Key, Value>, options?: WriteOptions): Promise<void> {
    return this.update(entries, options);
  }

  /**
   * Adds to the number of a key, atomically; a missing one counts as 0.
   * @returns the sum
   * @throws ValueError when the value is not a finite number
   */
  async increment(key: Key, by: number = 1, options?: WriteOptions): Promise<number> {
    if (!Number.isFinite(by)) throw new ValueError(`increment() adds a finite number; got ${got(by)}`);
    const sum = await this.write("increment", [keyText(key), by], options);
    if (sum !== NO_NUMBER) return Number(sum);
    throw new ValueError(`the value of ${describeKey(key)} in the dict "${this.name}" is not a number`);
  }

  /**
   * Sets a key if it has the expected value; undefined stands for a missing key. Values are compared as they are stored.
   * @returns whether it was set
   */
  async compareAndSet(
    key: Key,
    change: { expected: Value | undefined; value: Value | undefined },
    options?: WriteOptions,
  ): Promise<boolean> {
    assertOptions("dict.compareAndSet()", change, CHANGE);
    const { expected, value } = change;
    const texts = { expected: optionalText(expected), value: optionalText(value) };
    return this.#compareAndSet(keyText(key), texts, options);
  }

  /** All keys, a page at a time; see {@link pages}. Python's `for key in d`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Key, void, undefined> {
    for await (const [key] of this.pages()) yield key;
  }

  /**
   * All entries in order, fetched a page at a time: any number of them in little memory. Keys added after the beginning do
   * not come, keys removed before their page do not either, and each value is as it was when its page was fetched (M2).
   * @param size - Entries of a page.
   */
  async *pages(size: number = PAGE): AsyncGenerator<[Key, Value], void, undefined> {
    checkPageSize(size);
    const last = (await this.read("last")) as number;
    for (let after = "0"; Number(after) < last; ) {
      const [keys, values, next] = (await this.read("page", [after, last, size])) as [string[], string[], string];
      after = next;
      yield* toEntries<Key, Value>([keys, values]);
    }
  }

  async #change(
    key: Key,
    change: (value: Value | undefined) => Value | undefined | Promise<Value | undefined>,
    options: WriteOptions & { signal?: AbortSignal | undefined },
  ): Promise<Value | undefined> {
    assertOptions("dict.update()", options, UPDATE_OPTIONS);
    const text = keyText(key);
    for (let attempt = 0; ; attempt += 1) {
      options.signal?.throwIfAborted();
      const before = (await this.read("get", [text])) as string | null;
      const value = await change(before === null ? undefined : toValue<Value>(before));
      const texts = { expected: before, value: optionalText(value) };
      if (await this.#compareAndSet(text, texts, { fence: options.fence })) return value;
      await this.runtime.keepAlive.during(pauseBeforeRetry(attempt));
    }
  }

  async #compareAndSet(
    key: string,
    { expected, value }: { expected: string | null; value: string | null },
    options?: WriteOptions,
  ): Promise<boolean> {
    const args = [key, expected === null ? 0 : 1, expected ?? "", value === null ? 0 : 1, value ?? ""];
    return (await this.write("compareAndSet", args, options)) === 1;
  }

  #missing(key: Key): KeyError {
    return new KeyError(`${describeKey(key)} is not in the dict "${this.name}"`);
  }
}

/** For `manager.dict()`. @throws ValueError a bad name, or something else than entries */
export function createDict<Key, Value>(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  initial: DictEntries<Key, Value> | undefined,
): DictProxy<Key, Value> {
  return new DictProxy<Key, Value>(runtime, identity, initial === undefined ? [] : entryTexts(initial));
}

/** A key as it is stored. @throws SerializationError */
function keyText(key: unknown): string {
  // As for Map, the two zeros are one key.
  return toText(key === 0 ? 0 : key);
}

function toValue<Value>(text: unknown): Value {
  return textToValue(text as string) as Value;
}

function toEntries<Key, Value>([keys, values]: [string[], string[]]): [Key, Value][] {
  return keys.map((key, index) => [toValue<Key>(key), toValue<Value>(values[index])]);
}

function optionalText(value: unknown): string | null {
  return value === undefined ? null : toText(value);
}

function entryTexts(entries: DictEntries<unknown, unknown>): string[] {
  if (typeof entries !== "object" || entries === null) {
    throw new ValueError(`a dict takes entries, as a Map, an object or pairs; got ${got(entries)}`);
  }
  const pairs = Symbol.iterator in entries ? entries : Object.entries(entries);
  const texts: string[] = [];
  for (const [key, value] of pairs as Iterable<readonly [unknown, unknown]>) texts.push(keyText(key), toText(value));
  return texts;
}

function describeKey(key: unknown): string {
  return typeof key === "string" || typeof key === "number" ? JSON.stringify(key) : got(key);
}

const UPDATE_OPTIONS = optionsOf<WriteOptions & { signal?: AbortSignal | undefined }>({
  fence: true,
  signal: "signal",
});
const CHANGE: OptionTypes = { expected: true, value: true };
