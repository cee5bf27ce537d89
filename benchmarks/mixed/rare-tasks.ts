import { setTimeout as delay } from "node:timers/promises";
import { task } from "@manyhands/core";

/** What one host of three knows, besides what all know. */
export { common } from "./common-tasks.ts";
export const rare = task("bench.rare", async (x: number) => {
  await delay(1);
  return x;
});
