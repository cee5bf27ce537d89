import { type Lock, type Queue, task } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

/** How long each part takes, ms. */
export const TOGETHER = 300;
export const ALONE = 150;

/** One part of the work of one process. */
export interface Part {
  number: number;
  kind: "asynchronous" | "synchronous";
  run: Run;
}

/** First something that all may do at once, then something that one does at a time. */
export const work = task("lock-sync.work", async (number: number, lock: Lock, diary: Queue<Part>) => {
  const together = await noted(() => sleep(TOGETHER));
  console.log(`asynchronous part of ${number}, ${here()}`);
  await diary.put({ number, kind: "asynchronous", run: together });
  await lock.acquire();
  try {
    const alone = await noted(() => sleep(ALONE));
    console.log(`synchronous part of ${number}, ${here()}`);
    await diary.put({ number, kind: "synchronous", run: alone });
  } finally {
    await lock.release();
  }
});
