import { type ListProxy, type Lock, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

/** What each process prints, line by line. */
export const WORDS: readonly string[] = ["hello", "world", "and goodbye"];

export const greet = task("lock-print.greet", async (lock: Lock | null, number: number, screen: ListProxy<string>) => {
  await sleep(100);
  await lock?.acquire();
  try {
    for (const word of WORDS) {
      await screen.append(`${word} ${number}, ${here()}`);
      await sleep(20);
    }
  } finally {
    await lock?.release();
  }
});
