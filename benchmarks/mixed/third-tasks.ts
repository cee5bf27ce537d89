import { setTimeout as delay } from "node:timers/promises";
import { task } from "@manyhands/core";

/** What one host of a fleet without a task in common knows. */
export const third = task("bench.third", async (x: number) => {
  await delay(1);
  return x;
});
