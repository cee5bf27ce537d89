import { shared } from "../../package/index.ts";

const counter: { made: number } = shared("manyhands.processCounter", () => ({ made: 0 }));

/** Position of the next process that is made here, behind the position of the one that makes it (P12). */
export function nextIdentity(own: readonly number[]): number[] {
  counter.made += 1;
  return [...own, counter.made];
}
