import { type Lock, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

/** How long each part takes, ms. */
export const TOGETHER = 300;
export const ALONE = 150;

/** First something that all may do at once, then something that one does at a time. */
export const work = task("lock-sync.work", async (index: number, lock: Lock) => {
  const together = await noted(() => sleep(TOGETHER));
  console.log(`asynchronous part of ${index}`);
  await lock.acquire();
  try {
    const alone = await noted(() => sleep(ALONE));
    console.log(`synchronous part of ${index}`);
    return { index, together, alone };
  } finally {
    await lock.release();
  }
});
