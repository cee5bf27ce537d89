import { ValueError } from "../../errors/index.ts";
import { type AnyTask, validateArguments } from "../../tasks/index.ts";
import { assertSendable } from "../../wire/codec/index.ts";
import type { UnitKind } from "../../wire/records/job.ts";
import { checkPayload, estimateBytes } from "../submission/payload-size.ts";

/** @throws SerializationError, PayloadTooLargeError, ValueError naming the item */
export function checkItems(list: unknown[], kind: UnitKind, task: { name: string; limit: number }): void {
  assertSendable(list, "items");
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    if (typeof item === "number" && kind === "items") continue;
    checkArguments(item, kind, index);
    checkPayload(item, task.limit, `items[${index}] of task "${task.name}"`);
  }
}

/**
 * What the task's schema makes of each item.
 * @throws ValidationError naming the item
 */
export function validateItems(task: AnyTask, kind: UnitKind, list: unknown[]): unknown[] | Promise<unknown[]> {
  let isLater = false;
  const valid = list.map((item, index) => {
    checkArguments(item, kind, index);
    const one = validateItem(task, kind, { item, index });
    isLater ||= one instanceof Promise;
    return one;
  });
  return isLater ? Promise.all(valid) : valid;
}

/** The same for one item. */
export function validateItem(task: AnyTask, kind: UnitKind, at: { item: unknown; index: number }): unknown {
  const isList = kind === "starItems";
  const args = isList ? (at.item as unknown[]) : [at.item];
  const valid = validateArguments(task, args, { index: at.index, isList });
  const asItem = (list: unknown[]): unknown => (isList ? list : list[0]);
  return valid instanceof Promise ? valid.then(asItem) : asItem(valid);
}

function checkArguments(item: unknown, kind: UnitKind, index: number): void {
  if (kind !== "starItems" || Array.isArray(item)) return;
  throw new ValueError(`starmap needs a list of arguments for each call; items[${index}] is ${typeof item}`);
}

/** Cuts a list into chunks of `size` items, and earlier where a chunk would outgrow `limit` bytes. */
export function cutChunks(list: unknown[], size: number, limit: number): { payloads: unknown[][]; offsets: number[] } {
  const payloads: unknown[][] = [];
  const offsets: number[] = [];
  let from = 0;
  while (from < list.length) {
    let to = Math.min(from + size, list.length);
    let payload = list.slice(from, to);
    while (
      payload.length > 1 &&
      estimateBytes(payload, limit) > limit &&
      !payload.every((item) => typeof item === "number")
    ) {
      to = from + Math.ceil(payload.length / 2);
      payload = list.slice(from, to);
    }
    payloads.push(payload);
    offsets.push(from);
    from = to;
  }
  return { payloads, offsets };
}

/** Reads an input to its end, or until it is no longer wanted. */
export async function drain(items: AsyncIterable<unknown>, isWanted: () => boolean): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const item of items) {
    if (!isWanted()) break;
    list.push(item);
  }
  return list;
}
