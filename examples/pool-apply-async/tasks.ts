import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const addHundred = task("pool-apply-async.addHundred", (number: number) =>
  noted(async () => {
    await sleep(200);
    console.log(`in the process ${process.pid}`);
    return number + 100;
  }),
);
