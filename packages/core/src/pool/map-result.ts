import type { AnswerSink, Outcome } from "../results/index.ts";
import type { AsyncResult } from "./async-result.ts";

/**
 * Collects the chunks of one `map` in the order of the items.
 *
 * Every chunk runs; then the first error to arrive is the outcome (PL7).
 */
export class MapResult<Value> implements AnswerSink {
  readonly #values: Value[];
  readonly #offsets: number[];
  readonly #result: AsyncResult<Value[]>;
  #open: number;
  #failed = false;
  #error: unknown;

  /**
   * @param offsets - Position of each chunk's first item.
   * @param length - Number of items.
   */
  constructor(result: AsyncResult<Value[]>, offsets: number[], length: number) {
    this.#result = result;
    this.#offsets = offsets;
    this.#values = new Array<Value>(length);
    this.#open = offsets.length;
  }

  answer(chunk: number, { ok, value }: Outcome): void {
    if (ok) {
      const values = value as Value[];
      const offset = this.#offsets[chunk] ?? 0;
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
