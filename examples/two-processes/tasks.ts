import { type Queue, task } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

export const eat = task("two-processes.eat", async (diary: Queue<Run>) => {
  console.log(`start eating, ${here()}`);
  await diary.put(await noted(() => sleep(500)));
  console.log(`end eating, ${here()}`);
});

/** Python's sample calls it sleep. */
export const rest = task("two-processes.rest", async (diary: Queue<Run>) => {
  console.log(`start sleeping, ${here()}`);
  await diary.put(await noted(() => sleep(500)));
  console.log(`end sleeping, ${here()}`);
});
