import { markItem, originOf } from "../../errors/index.ts";
import type { Outcome } from "./ticket.ts";

/** What became of one item of a `map` or `imap` with `errors: "return"`; `index` is its place in the input, from 0. */
export type ItemOutcome<Value> =
  | { index: number; ok: true; value: Value }
  | { index: number; ok: false; error: unknown };

/** The outcome of a chunk of one item. */
export function itemOutcome(index: number, { ok, value }: Pick<Outcome, "ok" | "value">): ItemOutcome<unknown> {
  return ok ? { index, ok: true, value: (value as unknown[])[0] } : { index, ok: false, error: value };
}

/** Says in the error of a chunk which item of the input it is of, as far as that is known. */
export function markItemOf(error: unknown, chunk: { offset: number; length: number }): void {
  if (typeof error !== "object" || error === null) return;
  const item = chunk.length === 1 ? 0 : originOf(error)?.item;
  if (item !== undefined) markItem(error, chunk.offset + item);
}
