import type { Logger } from "./logger.ts";

/** A warning about one thing is repeated after this, ms. */
const REPEAT_AFTER = 60_000;
/** Things that are remembered; the oldest is forgotten first. */
const MOST_THINGS = 1_000;

/**
 * Warnings that bad input from outside could repeat without end: each thing is named once a minute, with the number of
 * times that it was met since.
 */
export class RareWarnings {
  readonly #logger: Logger;
  readonly #things = new Map<string, { at: number; since: number }>();

  readonly #repeatAfter: number;

  /** @param options.repeatAfter - Time until a thing is told again, ms. @defaultValue 60_000 */
  constructor(logger: Logger, options: { repeatAfter?: number } = {}) {
    this.#logger = logger;
    this.#repeatAfter = options.repeatAfter ?? REPEAT_AFTER;
  }

  /** @param thing - What the warning is about; the same one is told rarely. */
  warn(thing: string, text: string): void {
    const now = performance.now();
    const known = this.#things.get(thing);
    if (known && now - known.at < this.#repeatAfter) {
      known.since += 1;
      return;
    }
    this.#things.delete(thing);
    this.#things.set(thing, { at: now, since: 0 });
    const [oldest] = this.#things.keys();
    if (this.#things.size > MOST_THINGS && oldest !== undefined) this.#things.delete(oldest);
    if (!known || known.since === 0) return this.#logger.warn(text);
    const times = known.since === 1 ? "once" : `${known.since} times`;
    this.#logger.warn(`${text} (${times} more in the last minute)`);
  }
}
