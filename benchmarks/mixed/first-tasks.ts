import { setTimeout as delay } from "node:timers/promises";
import { task } from "@manyhands/core";

/** What one host of a fleet without a task in common knows. */
export const first = task("bench.first", async (x: number) => {
  await delay(1);
  return x;
});
