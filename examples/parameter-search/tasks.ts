import { currentTask, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

/** A point of the search. */
export interface Parameters {
  rate: number;
  momentum: number;
}

/** How far off a point is; the model that would be trained for it takes a while. */
export function lossOf({ rate, momentum }: Parameters): number {
  return (Math.log10(rate) + 2) ** 2 + 4 * (momentum - 0.9) ** 2;
}

/** Trains with the parameters, in steps: a cancelled one stops with its step. */
export const train = task("parameter-search.train", (parameters: Parameters) =>
  noted(async () => {
    const { signal } = currentTask();
    for (let step = 0; step < 5; step++) {
      signal.throwIfAborted();
      await sleep(40);
    }
    return { parameters, loss: lossOf(parameters) };
  }),
);
