import { type AnswerSink, itemOutcome, markItemOf, type Outcome } from "../results/index.ts";
import type { AsyncResult } from "./async-result.ts";

/**
 * Collects the chunks of one `map` in the order of the items.
 *
 * Every chunk runs; then the first error to arrive is the outcome (PL7), or, where errors are to be returned, every item has
 * an outcome of its own.
 */
export class MapResult<Value> implements AnswerSink {
  readonly #values: Value[];
  readonly #offsets: number[];
  readonly #lengths: number[];
  readonly #result: AsyncResult<Value[]>;
  readonly #returnsErrors: boolean;
  #open: number;
  #failed = false;
  #error: unknown;

  /**
   * @param chunks.offsets - Position of each chunk's first item.
   * @param chunks.length - Number of items.
   */
  constructor(
    result: AsyncResult<Value[]>,
    chunks: { offsets: number[]; length: number },
    { returnsErrors }: { returnsErrors: boolean },
  ) {
    const { offsets, length } = chunks;
    this.#result = result;
    this.#offsets = offsets;
    this.#lengths = offsets.map((offset, chunk) => (offsets[chunk + 1] ?? length) - offset);
    this.#returnsErrors = returnsErrors;
    this.#values = new Array<Value>(length);
    this.#open = offsets.length;
  }

  answer(chunk: number, { ok, value }: Outcome): void {
    const offset = this.#offsets[chunk] ?? 0;
    if (!ok) markItemOf(value, { offset, length: this.#lengths[chunk] ?? 1 });
    if (this.#returnsErrors) this.#values[offset] = itemOutcome(offset, { ok, value }) as Value;
    else if (ok) {
      const values = value as Value[];
      for (let index = 0; index < values.length; index += 1) this.#values[offset + index] = values[index] as Value;
    } else if (!this.#failed) {
      this.#failed = true;
      this.#error = value;
    }
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#failed) this.#result.reject(this.#error);
    else this.#result.resolve(this.#values);
  }
}
