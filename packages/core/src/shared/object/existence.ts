import { StateLostError } from "../../errors/index.ts";

/** Why a script has done nothing: the maker of the unnamed object has ended; the object should exist and does not. */
export type Absence = "maker gone" | "gone";

/** The codes with which scripts say so. */
export const ABSENCE = { [-1]: "maker gone", [-2]: "gone" } as const;

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
    if (exists) this.#isKnown = true;
    else if (this.#isKnown) this.confirm("gone");
  }

  /**
   * Takes note of a script's answer; "there" = it exists, or has been made.
   * @throws StateLostError for an absence; the next call may make it anew
   */
  confirm(answer: "there" | Absence): void {
    if (answer === "maker gone") {
      throw new StateLostError(`the program that made the ${this.#object} has ended, and it with it`);
    }
    this.#isKnown = answer === "there";
    if (answer === "gone")
      throw new StateLostError(`the ${this.#object} is gone: it was removed, or Redis lost its data`);
  }

  /** Redis lost its data: the next call may make it anew. */
  forget(): void {
    this.#isKnown = false;
  }
}
