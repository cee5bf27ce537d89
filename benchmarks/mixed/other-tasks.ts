import { setTimeout as delay } from "node:timers/promises";
import { task } from "@manyhands/core";

/** What another host of the three knows. */
export { common } from "./common-tasks.ts";
export const other = task("bench.other", async (x: number) => {
  await delay(1);
  return x;
});
