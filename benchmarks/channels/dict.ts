import { randomUUID } from "node:crypto";
import type { Context, DictProxy } from "@manyhands/core";

const KEYS = 1_000;

/** What is done with a shared dict: one call after another, many calls at once, or one call for all entries. */
export type DictWork = "set" | "get" | "set, 100 in flight" | "update" | "items";

/** Operations, or entries, per second. */
export async function dictRate(mp: Context, options: { work: DictWork; count: number }): Promise<number> {
  const { work, count } = options;
  await using manager = mp.manager(`bench-${randomUUID()}`);
  const dict = manager.dict<number, number>();
  await dict.update(entries(work === "items" ? count : KEYS));
  const begin = performance.now();
  await WORK[work](dict, count);
  const seconds = (performance.now() - begin) / 1_000;
  await manager.shutdown();
  return count / seconds;
}

const WORK: Record<DictWork, (dict: DictProxy<number, number>, count: number) => Promise<unknown>> = {
  set: (dict, count) => one(count, (item) => dict.set(item % KEYS, item)),
  get: (dict, count) => one(count, (item) => dict.get(item % KEYS)),
  "set, 100 in flight": (dict, count) =>
    Promise.all(Array.from({ length: 100 }, () => one(count / 100, (item) => dict.set(item % KEYS, item)))),
  update: (dict, count) => dict.update(entries(count)),
  items: (dict) => dict.items(),
};

async function one(count: number, act: (item: number) => Promise<unknown>): Promise<void> {
  for (let item = 0; item < count; item += 1) await act(item);
}

function entries(count: number): [number, number][] {
  return Array.from({ length: count }, (_, item) => [item, item]);
}
