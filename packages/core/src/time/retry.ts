import { setTimeout as delay } from "node:timers/promises";

/** Longest pause between two tries of a change that somebody came before, ms. */
const LONGEST_PAUSE = 50;

/** Grows with the number of tries, at random, so that those who meet come apart. */
export async function pauseBeforeRetry(attempt: number): Promise<void> {
  const most = Math.min(LONGEST_PAUSE, 2 ** Math.min(attempt, 10));
  if (attempt > 0) await delay(Math.random() * most);
}
