import { StateLostError } from "../../errors/index.ts";

/**
 * What a handle knows about whether its object exists: the first call makes it, but one that is gone later is noticed
 * instead of silently made anew (U11).
 */
export class Existence {
  readonly #object: string;
  #isKnown = false;

  /** @param object - How errors call it, such as `event "ready"`. */
  constructor(object: string) {
    this.#object = object;
  }

  /** For scripts: "1" = it must exist. */
  get required(): "0" | "1" {
    return this.#isKnown ? "1" : "0";
  }

  /** For what reads only: nothing found is no answer when it must exist. @throws StateLostError */
  found(exists: boolean): void {
    this.confirm(exists || !this.#isKnown ? 0 : -2);
    if (exists) this.#isKnown = true;
  }

  /**
   * Takes note of a script's answer: -1 = the maker of the unnamed object is gone, -2 = it should exist and does not.
   * @throws StateLostError for these two; the next call may make it anew
   */
  confirm(reply: number): void {
    if (reply === -1) {
      throw new StateLostError(`the program that made the ${this.#object} has ended, and it with it`);
    }
    if (reply === -2) {
      this.#isKnown = false;
      throw new StateLostError(`the ${this.#object} is gone: it was removed, or Redis lost its data`);
    }
    if (reply > 0) this.#isKnown = true;
  }

  /** Redis lost its data: the next call may make it anew. */
  forget(): void {
    this.#isKnown = false;
  }
}
