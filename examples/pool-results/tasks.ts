import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const squareLater = task("pool-results.squareLater", (number: number) =>
  noted(async () => {
    await sleep(250);
    if (number < 0) throw new RangeError(`cannot take ${number}`);
    return number ** 2;
  }),
);
