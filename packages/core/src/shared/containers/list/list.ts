import { createHash } from "node:crypto";
import { assertOptions, optionsOf } from "../../../checks/index.ts";
import { got, IndexError, ValueError } from "../../../errors/index.ts";
import { pauseBeforeRetry } from "../../../time/index.ts";
import { textToValue } from "../../../wire/codec/index.ts";
import type { ObjectIdentity, ObjectRuntime } from "../../object/index.ts";
import { Container, type MakeWith, toText, type WriteOptions } from "../calls/index.ts";
import { checkIndex, checkPageSize, pick, type Slice, toRange } from "../calls/places.ts";
import { listCalls, MISSING } from "./list-operations.ts";
import { naturalOrder } from "./natural-order.ts";

/** How {@link ListProxy.sort} orders. */
export interface SortOptions<Item> extends WriteOptions {
  /** What to order by, instead of the items themselves. */
  key?: ((item: Item) => unknown) | undefined;
  /** As Array's: negative when the first comes first. Without it numbers by size and texts by their characters. */
  compare?: ((left: Item, right: Item) => number) | undefined;
  /** @defaultValue false */
  reverse?: boolean | undefined;
}

/** Items that are fetched at a time. */
const PAGE = 1_000;

/**
 * A list that any process can use (rules M1-M5): Python's `manager.list()`. An index below 0 counts from the end.
 *
 * Items are copies: changing what was read changes nothing until it is set again (M4); a shared object inside stays the same
 * object (M3). Items are compared as they are stored: objects by their properties, in their order.
 */
export class ListProxy<Item = unknown> extends Container {
  override readonly kind: string = "list";

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, makeWith: MakeWith) {
    super(runtime, identity, { script: listCalls, makeWith });
    this.makeSoon();
  }

  /** The item at an index. @throws IndexError outside the list */
  async get(index: number): Promise<Item> {
    const text = await this.read("get", [checkIndex(index)]);
    if (text === MISSING) throw this.#outside(index);
    return toItem<Item>(text);
  }

  /** @throws IndexError outside the list; SerializationError for what cannot be sent */
  async set(index: number, item: Item, options?: WriteOptions): Promise<void> {
    const reply = await this.write("set", [checkIndex(index), toText(item)], options);
    if (reply === MISSING) throw this.#outside(index);
  }

  async append(item: Item, options?: WriteOptions): Promise<void> {
    await this.write("extend", [toText(item)], options);
  }

  /** Adds many items at the end, in one round trip and together. */
  async extend(items: Iterable<Item>, options?: WriteOptions): Promise<void> {
    await this.write("extend", itemTexts(items), options);
  }

  /** Puts an item before the one at an index; at an end when that is beyond it. */
  async insert(index: number, item: Item, options?: WriteOptions): Promise<void> {
    await this.write("insert", [checkIndex(index), toText(item)], options);
  }

  /** Removes the item at an index, the last one by default. @throws IndexError outside the list, or when it is empty */
  async pop(index: number = -1, options?: WriteOptions): Promise<Item> {
    const reply = await this.write("pop", [checkIndex(index)], options);
    if (reply === MISSING) throw this.#outside(index);
    return toItem<Item>((reply as [string])[0]);
  }

  /** Removes the first item of that value. @throws ValueError when there is none */
  async remove(item: Item, options?: WriteOptions): Promise<void> {
    if ((await this.write("remove", [toText(item)], options)) === MISSING) throw this.#notThere();
  }

  /** Where the first item of that value is, from `start` on and before `stop`. @throws ValueError when there is none */
  async index(item: Item, start: number = 0, stop?: number): Promise<number> {
    const place = await this.read("index", [
      toText(item),
      checkIndex(start),
      stop === undefined ? "" : checkIndex(stop),
    ]);
    if (place === MISSING) throw this.#notThere();
    return place as number;
  }

  /** How many items have that value. */
  async count(item: Item): Promise<number> {
    return (await this.read("count", [toText(item)])) as number;
  }

  async contains(item: Item): Promise<boolean> {
    return (await this.read("index", [toText(item), 0, ""])) !== MISSING;
  }

  /** As {@link contains}, under Array's name. */
  includes(item: Item): Promise<boolean> {
    return this.contains(item);
  }

  async length(): Promise<number> {
    return (await this.read("length")) as number;
  }

  /** A plain copy of a part: `slice(1, 3)` is Python's `l[1:3]`, `slice(undefined, undefined, 2)` is `l[::2]`. */
  async slice(start?: number, stop?: number, step: number = 1): Promise<Item[]> {
    if (step !== 1) return pick(await this.values(), { start, stop, step });
    return this.#range({ start, stop });
  }

  /** Puts items in the place of a part, which may have another length. */
  async setSlice(part: Pick<Slice, "start" | "stop">, items: Iterable<Item>, options?: WriteOptions): Promise<void> {
    const { start = 0, stop } = part;
    const bounds = [checkIndex(start), stop === undefined ? "" : checkIndex(stop)];
    await this.write("setSlice", [...bounds, ...itemTexts(items)], options);
  }

  /** All items at one moment: a plain copy. */
  values(): Promise<Item[]> {
    return this.#range({});
  }

  /** As {@link values}. */
  copy(): Promise<Item[]> {
    return this.values();
  }

  /** A plain list: these items, then those of the others. Python's `l + other`. */
  async concat(...others: (Iterable<Item> | ListProxy<Item>)[]): Promise<Item[]> {
    const lists = others.map((other) => (other instanceof ListProxy ? other.values() : [...other]));
    return (await Promise.all([this.values(), ...lists])).flat(1) as Item[];
  }

  /** A plain list: these items so many times. Python's `l * times`. */
  async repeat(times: number): Promise<Item[]> {
    const items = await this.values();
    return Array.from({ length: Math.max(0, checkIndex(times, "times")) }, () => items).flat(1) as Item[];
  }

  async clear(options?: WriteOptions): Promise<void> {
    await this.write("clear", [], options);
  }

  async reverse(options?: WriteOptions): Promise<void> {
    await this.write("reverse", [], options);
  }

  /**
   * Sorts the list; equal items keep their order. Done here, and again when the list has changed meanwhile.
   * @throws TypeError for items that have no natural order, such as texts and numbers together
   */
  async sort(options: SortOptions<Item> = {}): Promise<void> {
    assertOptions("list.sort()", options, SORT_OPTIONS);
    const { key = (item: Item): unknown => item, reverse = false } = options;
    const compare = options.compare ?? ((left: Item, right: Item): number => naturalOrder(key(left), key(right)));
    for (let attempt = 0; ; attempt += 1) {
      const texts = (await this.read("range", [0, -1])) as string[];
      const items = texts.map((text) => ({ text, item: toItem<Item>(text) }));
      items.sort((left, right) => (reverse ? compare(right.item, left.item) : compare(left.item, right.item)));
      const digest = createHash("sha1").update(texts.join("\n")).digest("hex");
      if ((await this.write("replaceAll", [digest, ...items.map(({ text }) => text)], { fence: options.fence })) === 1)
        return;
      await this.runtime.keepAlive.during(pauseBeforeRetry(attempt));
    }
  }

  /** The items one by one, by index: sees every change behind the present place (M2). For speed see {@link pages}. */
  [Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    return this.pages(1);
  }

  /** The items by index, fetched a page at a time: any number of them in little memory. @param size - Items of a page. */
  async *pages(size: number = PAGE): AsyncGenerator<Item, void, undefined> {
    checkPageSize(size);
    for (let first = 0; ; first += size) {
      const texts = (await this.read("range", [first, first + size - 1])) as string[];
      for (const text of texts) yield toItem<Item>(text);
      if (texts.length < size) return;
    }
  }

  async #range(slice: Pick<Slice, "start" | "stop">): Promise<Item[]> {
    const range = toRange(slice);
    if (range === null) return [];
    return ((await this.read("range", [range.first, range.last])) as string[]).map((text) => toItem<Item>(text));
  }

  #outside(index: number): IndexError {
    return new IndexError(`the list "${this.name}" has no item at index ${index}`);
  }

  #notThere(): ValueError {
    return new ValueError(`the item is not in the list "${this.name}"`);
  }
}

/** For `manager.list()`. @throws ValueError for something else than items; SerializationError */
export function createList<Item>(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  initial: Iterable<Item> | undefined,
): ListProxy<Item> {
  return new ListProxy<Item>(runtime, identity, initial === undefined ? [] : itemTexts(initial));
}

function toItem<Item>(text: unknown): Item {
  return textToValue(text as string) as Item;
}

function itemTexts(items: unknown): string[] {
  if (typeof items !== "object" || items === null || !(Symbol.iterator in items)) {
    throw new ValueError(`a list takes items, as an array or something else to iterate over; got ${got(items)}`);
  }
  return Array.from(items as Iterable<unknown>, (item) => toText(item));
}

const SORT_OPTIONS = optionsOf<SortOptions<unknown>>({
  ...{ key: "function", compare: "function", reverse: "boolean", fence: true },
});
