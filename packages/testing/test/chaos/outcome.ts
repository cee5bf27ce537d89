import { expect } from "vitest";
import type { Tally } from "./workload.ts";

/** Something came back for each call once, and nothing of it is wrong. */
export function expectDeliveredOnce(tally: Tally, calls: number): void {
  expect(tally.wrong).toEqual([]);
  expect(tally.failed).toEqual([]);
  expect(tally.seen.size).toBe(calls);
  expect([...tally.seen].filter(([, times]) => times !== 1)).toEqual([]);
}

/** A killed child costs at most the one call that it ran, and every loss names the child. */
export function expectLossesExplained(lost: readonly string[], killed: ReadonlySet<number>): void {
  const blamed = lost.map((message) => Number(/the child \(pid (\d+)\).*ended by SIGKILL/.exec(message)?.[1]));
  expect(blamed.filter((pid) => !killed.has(pid))).toEqual([]);
  expect(new Set(blamed).size).toBe(blamed.length);
}
