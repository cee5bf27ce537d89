import { ValueError } from "../../errors/index.ts";
import { messageToValue, SEPARATOR } from "../../shared/channels/index.ts";
import type { ObjectReader } from "../../shared/object/index.ts";
import { forViewing, textToValue } from "../../wire/codec/index.ts";
import { type Peeked, peekFields, peekList, peekOrder, peekSorted, peekText } from "./contents-scripts.ts";
import type { ObjectView } from "./object-view.ts";

export interface ContentsQuery {
  /** Most entries of the page. @defaultValue 50 */
  limit?: number | undefined;
  /** `cursor` of the page before. */
  cursor?: string | undefined;
  /** Only entries whose key, or an item whose text, contains this; of a dict, a namespace or a set. */
  search?: string | undefined;
  /** Position of the first item, of a list, an array or a queue; instead of a cursor. */
  from?: number | undefined;
  /** Which end of a pipe the messages are for. @defaultValue 0 */
  end?: 0 | 1 | undefined;
}

/** One entry: of a dict or namespace with its key, of a list, an array or a queue with its position. */
export interface ContentsEntry {
  key?: unknown;
  index?: number;
  /** Shared objects as { kind, name }; absent when `fault` says why. */
  value?: unknown;
  /** Of an item of a queue that was put with one; 0 where it is absent. */
  priority?: number;
  /** Unique key of an item of a queue. */
  unique?: string;
  /** When an item of a queue can be taken that was put with a delay, epoch ms. */
  dueAt?: number;
  /** As it is stored. */
  bytes: number;
  /** `large`: too large to be shown; `unreadable`: damaged. */
  fault?: "large" | "unreadable";
}

/** A page of what an object holds. */
export interface Contents {
  entries: ContentsEntry[];
  /** Entries in all, whatever is searched for. */
  total: number;
  /** Begins the next page; absent on the last one. */
  cursor?: string;
  /** Only a part was searched so far: the cursor goes on. */
  isPartial?: boolean;
}

/** A value of this many bytes or more is not read, nor sent. */
export const LARGEST_SHOWN: number = 256 * 1024;
const PAGE = 50;
const MOST = 500;
/** Keys that one search looks at. */
const SEARCHED_AT_ONCE = 20_000;
const SCAN_STEP = 1_000;
/** First byte of what stands for a block. */
const BLOCK = 4;
/** First byte of an item with a priority or a unique key, and the last one before the item itself. */
const OPTIONS = 5;
/** Of the numbers of the order of a dict, which begin with 1. */
const FIRST = "0";

interface Page {
  limit: number;
  cursor: string | undefined;
  from: number;
}

/**
 * A page of what an object holds; looking takes nothing out. Null for a kind that holds nothing.
 * @throws ValueError a cursor that no page has given
 */
export async function readContents(
  reader: ObjectReader,
  view: Pick<ObjectView, "kind" | "name" | "state">,
  query: ContentsQuery = {},
): Promise<Contents | null> {
  const { kind, name } = view;
  const limit = Math.min(MOST, query.limit ?? PAGE);
  const page: Page = { limit, cursor: query.cursor, from: query.from ?? 0 };
  const search = query.search === "" ? undefined : query.search;
  switch (kind) {
    case "dict":
    case "namespace":
      return readEntries(reader, view, { ...page, search });
    case "set":
      return readMembers(reader, view, { ...page, search });
    case "list":
    case "array":
      return readItems(reader, reader.keys.object(kind, name, "items"), page);
    case "queue":
    case "simple-queue":
    case "joinable-queue":
      return readQueued(reader, { kind, name }, page);
    case "pipe":
      return readQueued(reader, { kind: "pipe-stream", name: `${query.end ?? 0}/${name}` }, page);
    case "value":
    case "registered": {
      const { value } = (view.state ?? {}) as { value?: unknown };
      return { entries: value === undefined ? [] : [{ value, bytes: String(value).length }], total: 1 };
    }
    default:
      return null;
  }
}

async function readEntries(
  reader: ObjectReader,
  { kind, name }: { kind: string; name: string },
  page: Page & { search: string | undefined },
): Promise<Contents> {
  const { client, keys } = reader;
  const found = await readOrder(reader, keys.object(kind, name, "order"), page);
  const fields = found.items.filter(([text]) => text !== null).map(([text]) => text ?? "");
  const values = await peekFields.run(client, [keys.object(kind, name, "items")], [LARGEST_SHOWN, ...fields]);
  const entries = fields.flatMap((field, index): ContentsEntry[] => {
    const value = values[index];
    // It was deleted since its key was read.
    if (value === undefined || value[1] < 0) return [];
    const key = kind === "namespace" ? field : (entryOf([field, field.length], textToValue).value ?? field);
    return [{ key, ...entryOf(value, textToValue) }];
  });
  const large = found.items.flatMap(([text, bytes]): ContentsEntry[] =>
    text === null ? [{ bytes, fault: "large" }] : [],
  );
  return { ...found.rest, entries: [...entries, ...large] };
}

async function readMembers(
  reader: ObjectReader,
  { kind, name }: { kind: string; name: string },
  page: Page & { search: string | undefined },
): Promise<Contents> {
  const found = await readOrder(reader, reader.keys.object(kind, name, "items"), page);
  return { ...found.rest, entries: found.items.map((item) => entryOf(item, textToValue)) };
}

/** Members of a sorted set in their order, or those that contain the text that is searched for. */
async function readOrder(
  { client }: ObjectReader,
  key: string,
  { limit, cursor, search }: Page & { search: string | undefined },
): Promise<{ items: Peeked[]; rest: Omit<Contents, "entries"> }> {
  if (search === undefined) {
    const after = cursor ?? FIRST;
    if (!/^\d+$/.test(after)) throw badCursor(after);
    const [total, items, last] = await peekOrder.run(client, [key], [after, limit, LARGEST_SHOWN]);
    return { items, rest: { total, ...(items.length === limit && { cursor: last }) } };
  }
  if (!/^\d+$/.test(cursor ?? "0")) throw badCursor(cursor ?? "");
  const pattern = `*${search.replaceAll(/[*?[\]\\^]/g, "\\$&")}*`;
  const items = new Map<string, Peeked>();
  let next = cursor ?? "0";
  for (let looked = 0; looked < SEARCHED_AT_ONCE && items.size < limit; looked += SCAN_STEP) {
    const [after, members] = await client.zscan(key, next, "MATCH", pattern, "COUNT", SCAN_STEP);
    for (let index = 0; index < members.length; index += 2) {
      const text = members[index] ?? "";
      const bytes = Buffer.byteLength(text);
      items.set(text, [bytes > LARGEST_SHOWN ? null : text, bytes]);
    }
    next = after;
    if (next === "0") break;
  }
  const total = await client.zcard(key);
  const more = next === "0" ? {} : { cursor: next, isPartial: true };
  return { items: [...items.values()], rest: { total, ...more } };
}

async function readItems({ client }: ObjectReader, key: string, page: Page): Promise<Contents> {
  const from = page.cursor === undefined ? page.from : numberIn(page.cursor);
  const [total, ...items] = await peekList.run(client, [key], [from, page.limit, LARGEST_SHOWN]);
  const end = from + items.length;
  return {
    entries: items.map((item, index) => ({ index: from + index, ...entryOf(item, textToValue) })),
    total,
    ...(end < total && items.length > 0 && { cursor: String(end) }),
  };
}

/** Where a page of a queue begins. */
interface QueuePlace {
  /** Which part of the queue: one of {@link QUEUE_PARTS}. */
  part: number;
  /** Position in it. */
  element: number;
  /** Items before it, over all parts. */
  item: number;
}

/**
 * Where items of a queue are, in the order in which they are taken: those with a priority above 0, those without one, those with
 * a lower one, and those that are not due. A queue whose items were put without options has the second part alone.
 */
const QUEUE_PARTS = [
  { part: "ranked", least: "-inf", largest: "(0" },
  "items",
  { part: "ranked", least: "(0", largest: "+inf" },
  { part: "delayed", least: "-inf", largest: "+inf" },
] as const;
const PLAIN_PART = 1;

/**
 * Items that wait in a queue, next one first, then those that are not due. Of many that were put together a block stands for
 * all; a page has all of a block. The cursor counts what stands in its part of the queue, and the items before it.
 */
async function readQueued(
  reader: ObjectReader,
  { kind, name }: { kind: string; name: string },
  { cursor, limit, from }: Page,
): Promise<Contents> {
  const { client, keys } = reader;
  const main = keys.object(kind, name);
  const [[blocked, sorted], plain, ranked, delayed] = await Promise.all([
    client.hmget(main, "blocked", "sorted"),
    client.llen(keys.object(kind, name, "items")),
    ...(["ranked", "delayed"] as const).map((part) =>
      kind === "pipe-stream" ? 0 : client.zcard(keys.object(kind, name, part)),
    ),
  ]);
  const total = plain + Number(blocked ?? 0) + (ranked ?? 0) + (delayed ?? 0);
  const parts = sorted ? QUEUE_PARTS.map((_, part) => part) : [PLAIN_PART];
  const place = cursor === undefined ? { part: parts[0] ?? PLAIN_PART, element: from, item: from } : placeIn(cursor);
  const entries: ContentsEntry[] = [];
  for (const part of parts.filter((one) => one >= place.part)) {
    // What is left of the position that was asked for is counted from the next part on.
    const at = { ...place, item: place.item + entries.length, element: part === place.part ? place.element : 0 };
    const read = await readPart(
      reader,
      { kind, name },
      {
        at: { ...at, part },
        limit: Math.max(0, limit - entries.length),
      },
    );
    entries.push(...read.entries);
    const next = { part, element: read.element, item: at.item + read.entries.length };
    if (read.element < read.length) return { entries, total, cursor: `${next.part},${next.element},${next.item}` };
    if (entries.length === 0 && part !== parts.at(-1)) {
      Object.assign(place, { part: part + 1, element: Math.max(0, at.element - read.length) });
    }
  }
  return { entries, total };
}

/** A page of one part of a queue: its entries, how far it was read, and how long it is. */
async function readPart(
  reader: ObjectReader,
  { kind, name }: { kind: string; name: string },
  { at, limit }: { at: QueuePlace; limit: number },
): Promise<{ entries: ContentsEntry[]; element: number; length: number }> {
  const { client, keys } = reader;
  const which = QUEUE_PARTS[at.part] ?? "items";
  const entries: ContentsEntry[] = [];
  const add = (stored: Buffer | null, bytes: number, dueAt?: number): void => {
    const { item, ...options } = stored ? withOptions(stored) : { item: null };
    const entry = entryOf([item, bytes], messageToValue);
    entries.push({ index: at.item + entries.length, ...entry, ...options, ...(dueAt !== undefined && { dueAt }) });
  };
  if (which !== "items") {
    const { part, least, largest } = which;
    const found = await peekSorted.runForBytes(
      client,
      [keys.object(kind, name, part)],
      [least, largest, at.element, limit, LARGEST_SHOWN],
    );
    const [length, ...items] = found as unknown as [number, ...[Buffer | null, number, Buffer][]];
    for (const [bytes, size, score] of items) add(bytes, size, part === "delayed" ? Number(String(score)) : undefined);
    return { entries, element: at.element + items.length, length };
  }
  const found = await peekList.runForBytes(
    client,
    [keys.object(kind, name, "items")],
    [at.element, limit, LARGEST_SHOWN],
  );
  const [length, ...elements] = found as unknown as [number, ...[Buffer | null, number][]];
  let { element } = at;
  for (const [bytes, size] of elements) {
    if (entries.length >= limit) break;
    element += 1;
    const number = bytes === null ? null : blockIn(bytes);
    if (number === null) {
      add(bytes, size);
      continue;
    }
    const [text] = (await peekText.runForBytes(
      client,
      [keys.object(kind, `${number}/${name}`, "block")],
      [LARGEST_SHOWN * 16],
    )) as unknown as [Buffer | null, number];
    for (const item of (text?.toString() ?? "").split(SEPARATOR)) {
      const stored = Buffer.from(item);
      if (item !== "") add(stored.length > LARGEST_SHOWN ? null : stored, stored.length);
    }
  }
  return { entries, element, length };
}

function placeIn(cursor: string): QueuePlace {
  const [, part, element, item] = /^([0-3]),(\d{1,15}),(\d{1,15})$/.exec(cursor) ?? [];
  if (part === undefined) throw badCursor(cursor);
  return { part: Number(part), element: Number(element), item: Number(item) };
}

/** An item of a queue, and what it was put with: its priority and unique key stand between two such bytes. */
function withOptions(stored: Buffer): { item: Buffer } & Pick<ContentsEntry, "priority" | "unique"> {
  if (stored[0] !== OPTIONS) return { item: stored };
  const end = stored.indexOf(OPTIONS, 1);
  const [, priority, key] = /^\d+ (-?\d+) (.*)$/s.exec(stored.toString("utf8", 1, end)) ?? [];
  return {
    item: stored.subarray(end + 1),
    ...(priority !== undefined && priority !== "0" && { priority: Number(priority) }),
    ...(key ? { unique: textOf(key) } : {}),
  };
}

/** A unique key, which is stored as JSON. */
function textOf(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json;
  }
}

/** Number of the block that an element of a queue's list stands for; null for an item. */
function blockIn(element: Buffer): string | null {
  return element[0] === BLOCK ? (/^(\d+) \d+$/.exec(element.toString("latin1", 1))?.[1] ?? null) : null;
}

function entryOf<Stored>(
  [stored, bytes]: [Stored | null, number],
  read: (stored: Stored) => unknown,
): Pick<ContentsEntry, "value" | "bytes" | "fault"> {
  if (stored === null) return { bytes, fault: "large" };
  try {
    return { value: forViewing(() => read(stored)), bytes };
  } catch {
    return { bytes, fault: "unreadable" };
  }
}

function numberIn(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badCursor(text);
}

function badCursor(cursor: string): ValueError {
  return new ValueError(`the cursor "${cursor}" is of no page of this object; take the one of the page before`);
}
