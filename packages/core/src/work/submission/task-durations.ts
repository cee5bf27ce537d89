/** Weight of the newest measurement. */
const WEIGHT = 0.2;

/** Mean run time of each task as this client has seen it, in ms. What envelopes are sized by. */
export class TaskDurations {
  readonly #means = new Map<string, number>();

  /** Mean of one call or item in ms; undefined until the first answer. */
  mean(task: string): number | undefined {
    return this.#means.get(task);
  }

  /** Counts an answer to `items` calls or items that took `micros` microseconds together. */
  record(task: string, micros: number, items: number): void {
    const sample = micros / 1_000 / Math.max(1, items);
    const mean = this.#means.get(task);
    // A task that suddenly takes long must not be packed any more; a fast one may take its time to be believed.
    const weight = mean !== undefined && sample > mean * 4 ? 0.8 : WEIGHT;
    this.#means.set(task, mean === undefined ? sample : mean + (sample - mean) * weight);
  }
}
