import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const slowSquare = task("pool-apply.slowSquare", (number: number) =>
  noted(async () => {
    await sleep(50);
    return number ** 2;
  }),
);
