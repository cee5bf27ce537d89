import { expect, test } from "vitest";
import { waitWith } from "../../src/waiting/wait.ts";

test("a wait does not end before its time, which a timer of Node may do by a millisecond", async () => {
  for (let round = 0; round < 20; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    // Anywhere between two milliseconds.
    const busyUntil = performance.now() + 1 + round / 20;
    while (performance.now() < busyUntil);
    const started = performance.now();
    expect(await waitWith(15, undefined, () => () => {})).toBe(false);
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
  }
});
