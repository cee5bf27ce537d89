import { got, KeyError, ValueError } from "../../../errors/index.ts";
import { textToValue } from "../../../wire/codec/index.ts";
import type { ObjectIdentity, ObjectRuntime } from "../../object/index.ts";
import { Container, type MakeWith, toText, type WriteOptions } from "../calls/index.ts";
import { checkPageSize } from "../calls/places.ts";
import { setCalls } from "./set-operations.ts";

/** What a set can be compared or combined with. */
export type Items<Item> = Iterable<Item> | SetProxy<Item>;

/** Items that are fetched at a time. */
const PAGE = 1_000;

/**
 * A set that any process can use (rules M1-M5): Python's `manager.set()`. It keeps the order in which items were added.
 * Items are plain data, or handles of shared objects.
 */
export class SetProxy<Item = unknown> extends Container {
  override readonly kind: string = "set";

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, makeWith: MakeWith) {
    super(runtime, identity, { script: setCalls, makeWith });
    this.makeSoon();
  }

  /** @returns whether it is new */
  async add(item: Item, options?: WriteOptions): Promise<boolean> {
    return (await this.write("add", [itemText(item)], options)) === 1;
  }

  /** Adds many items, in one round trip. Python's `s |= items`. @returns how many are new */
  async update(items: Items<Item>, options?: WriteOptions): Promise<number> {
    return (await this.write("add", await textsOf(items), options)) as number;
  }

  /** Removes an item. @returns whether it was there */
  async discard(item: Item, options?: WriteOptions): Promise<boolean> {
    return (await this.write("discard", [itemText(item)], options)) === 1;
  }

  /** As {@link discard}, under Set's name. */
  delete(item: Item, options?: WriteOptions): Promise<boolean> {
    return this.discard(item, options);
  }

  /** Removes an item. @throws KeyError when it is not there */
  async remove(item: Item, options?: WriteOptions): Promise<void> {
    if (!(await this.discard(item, options))) throw new KeyError(`the item is not in the set "${this.name}"`);
  }

  /** Removes one item, whichever, and gives it. @throws KeyError when there is none */
  async pop(options?: WriteOptions): Promise<Item> {
    const text = await this.write("pop", [], options);
    if (text === null) throw new KeyError(`pop() of the set "${this.name}", which is empty`);
    return toItem<Item>(text);
  }

  async clear(options?: WriteOptions): Promise<void> {
    await this.write("clear", [], options);
  }

  async has(item: Item): Promise<boolean> {
    return (await this.read("has", [itemText(item)])) === 1;
  }

  /** As {@link has}, under Python's name. */
  contains(item: Item): Promise<boolean> {
    return this.has(item);
  }

  async length(): Promise<number> {
    return (await this.read("length")) as number;
  }

  /** As {@link length}, under Set's name. */
  size(): Promise<number> {
    return this.length();
  }

  /** All items at one moment, in the order in which they were added. */
  async values(): Promise<Item[]> {
    return ((await this.read("values")) as string[]).map((text) => toItem<Item>(text));
  }

  /** A plain copy. */
  async copy(): Promise<Set<Item>> {
    return new Set(await this.values());
  }

  /** A plain list of what is here or there. */
  async union(other: Items<Item>): Promise<Item[]> {
    return this.#combine(other, (mine, theirs) => [...new Set([...mine, ...theirs])]);
  }

  /** A plain list of what is here and there. */
  async intersection(other: Items<Item>): Promise<Item[]> {
    return this.#combine(other, (mine, theirs) => [...mine].filter((text) => theirs.has(text)));
  }

  /** A plain list of what is here and not there. */
  async difference(other: Items<Item>): Promise<Item[]> {
    return this.#combine(other, (mine, theirs) => [...mine].filter((text) => !theirs.has(text)));
  }

  /** A plain list of what is either here or there. */
  async symmetricDifference(other: Items<Item>): Promise<Item[]> {
    return this.#combine(other, (mine, theirs) => [
      ...[...mine].filter((text) => !theirs.has(text)),
      ...[...theirs].filter((text) => !mine.has(text)),
    ]);
  }

  /** Keeps only what is there as well. Python's `s &= other`. */
  async intersectionUpdate(other: Items<Item>, options?: WriteOptions): Promise<void> {
    await this.write("retain", await textsOf(other), options);
  }

  /** Removes what is there. Python's `s -= other`. */
  async differenceUpdate(other: Items<Item>, options?: WriteOptions): Promise<void> {
    await this.write("discard", await textsOf(other), options);
  }

  /** Keeps what was either here or there. Python's `s ^= other`. */
  async symmetricDifferenceUpdate(other: Items<Item>, options?: WriteOptions): Promise<void> {
    await this.write("toggle", [...new Set(await textsOf(other))], options);
  }

  async isSubsetOf(other: Items<Item>): Promise<boolean> {
    return (await this.difference(other)).length === 0;
  }

  async isSupersetOf(other: Items<Item>): Promise<boolean> {
    const { mine, theirs } = await this.#both(other);
    return [...theirs].every((text) => mine.has(text));
  }

  async isDisjointFrom(other: Items<Item>): Promise<boolean> {
    return (await this.intersection(other)).length === 0;
  }

  /** All items, a page at a time; see {@link pages}. */
  [Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    return this.pages();
  }

  /**
   * All items in order, fetched a page at a time: any number of them in little memory. Items added after the beginning do
   * not come, items removed before their page do not either (M2).
   * @param size - Items of a page.
   */
  async *pages(size: number = PAGE): AsyncGenerator<Item, void, undefined> {
    checkPageSize(size);
    const last = (await this.read("last")) as number;
    for (let after = 0; after < last; ) {
      const page = (await this.read("page", [after, last, size])) as string[];
      after = page.length === 0 ? last : Number(page.at(-1));
      for (let index = 0; index < page.length; index += 2) yield toItem<Item>(page[index]);
    }
  }

  async #combine(
    other: Items<Item>,
    combine: (mine: ReadonlySet<string>, theirs: ReadonlySet<string>) => string[],
  ): Promise<Item[]> {
    const { mine, theirs } = await this.#both(other);
    return combine(mine, theirs).map((text) => toItem<Item>(text));
  }

  async #both(other: Items<Item>): Promise<{ mine: Set<string>; theirs: Set<string> }> {
    const [mine, theirs] = await Promise.all([this.read("values"), textsOf(other)]);
    return { mine: new Set(mine as string[]), theirs: new Set(theirs) };
  }
}

/** For `manager.set()`. @throws ValueError for something else than items; SerializationError */
export function createSet<Item>(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  initial: Iterable<Item> | undefined,
): SetProxy<Item> {
  return new SetProxy<Item>(runtime, identity, initial === undefined ? [] : itemTexts(initial));
}

function toItem<Item>(text: unknown): Item {
  return textToValue(text as string) as Item;
}

/** As for Set, the two zeros are one item. */
function itemText(item: unknown): string {
  return toText(item === 0 ? 0 : item);
}

async function textsOf(items: unknown): Promise<string[]> {
  return itemTexts(items instanceof SetProxy ? await items.values() : items);
}

function itemTexts(items: unknown): string[] {
  if (typeof items !== "object" || items === null || !(Symbol.iterator in items)) {
    throw new ValueError(`a set takes items, as an array or something else to iterate over; got ${got(items)}`);
  }
  return Array.from(items as Iterable<unknown>, (item) => itemText(item));
}
