import { afterEach, expect, test, vi } from "vitest";
import { LongTimer } from "../../src/time/index.ts";
import { waitWith } from "../../src/time/wait.ts";

afterEach(() => vi.useRealTimers());

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 40])(
  "a duration of %d ms ends when it is over and not before",
  (delay) => {
    // given
    vi.useFakeTimers();
    let rings = 0;
    new LongTimer(delay, () => {
      rings += 1;
    });
    // when, then
    vi.advanceTimersByTime(delay - 1);
    expect(rings).toBe(0);
    vi.advanceTimersByTime(2);
    expect(rings).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test("without an end it never fires, and can be cleared", () => {
  vi.useFakeTimers();
  const timer = new LongTimer(Number.POSITIVE_INFINITY, () => expect.unreachable());
  vi.advanceTimersByTime(2 ** 33);
  timer.clear();
  expect(vi.getTimerCount()).toBe(0);
});

test("a wait of 2^40 ms waits", async () => {
  vi.useFakeTimers();
  let outcome: boolean | undefined;
  const waiting = waitWith(2 ** 40, {}, () => () => {}).then((inTime) => {
    outcome = inTime;
  });
  await vi.advanceTimersByTimeAsync(2 ** 32);
  expect(outcome).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2 ** 40);
  await waiting;
  expect(outcome).toBe(false);
});
