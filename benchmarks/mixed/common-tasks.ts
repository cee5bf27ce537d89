import { setTimeout as delay } from "node:timers/promises";
import { task } from "@manyhands/core";

/** What every host knows. */
export const common = task("bench.common", async (x: number) => {
  await delay(1);
  return x;
});
