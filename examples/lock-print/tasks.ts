import { type Lock, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";
import { print } from "./screen.ts";

/** What each process prints, line by line. */
export const WORDS: readonly string[] = ["hello", "world", "and goodbye"];

export const greet = task("lock-print.greet", (index: number, screen: string, lock: Lock | null) =>
  noted(async () => {
    await lock?.acquire();
    try {
      for (const word of WORDS) {
        await print(screen, `${word} ${index}`);
        await sleep(20);
      }
    } finally {
      await lock?.release();
    }
  }),
);
