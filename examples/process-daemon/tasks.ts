import { AssertionError, currentContext, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

/** Draws more and more stars, for as long as it is let. */
export const stars = task("process-daemon.stars", async (sky: Queue<number>) => {
  for (let count = 1; ; count += 1) {
    await sleep(100);
    console.log(`${"*".repeat(count)} ${here()}`);
    await sky.put(count);
  }
});

export const work = task("process-daemon.work", async () => {
  console.log(`work starts, ${here()}`);
  await sleep(1_500);
  console.log(`work ends, ${here()}`);
});

/** As a daemon it must not start processes. */
export const startAnother = task("process-daemon.startAnother", async (refusal: Queue<string>) => {
  try {
    await currentContext().process(work).start();
    await refusal.put("none");
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    await refusal.put(error.message);
  }
});
