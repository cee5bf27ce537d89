import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backOff, pause, retry, settledWithin, within } from "../../src/time/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const NEVER = new Promise<never>(() => {});

describe("a pause", () => {
  test("ends when it is over, and with the signal's reason before", async () => {
    const stop = new AbortController();
    const whole = pause(100, { signal: stop.signal });
    const broken = expect(pause(101, { signal: stop.signal })).rejects.toThrow("enough");
    await vi.advanceTimersByTimeAsync(100);
    await whole;
    stop.abort(new RangeError("enough"));
    await broken;
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("with a signal that is aborted ends at once", async () => {
    await expect(
      pause(Number.POSITIVE_INFINITY, { signal: AbortSignal.abort(new RangeError("before")) }),
    ).rejects.toThrow("before");
  });
});

describe("waiting for work with a limit", () => {
  test("gives its value, or throws its error, when it is over in time", async () => {
    expect(await within(Promise.resolve(7), 10)).toEqual({ value: 7 });
    expect(await within(Promise.resolve(undefined), Number.POSITIVE_INFINITY)).toEqual({ value: undefined });
    await expect(within(Promise.reject(new RangeError("broken")), 10)).rejects.toThrow("broken");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("gives undefined when it is not, and a later failure is ignored", async () => {
    const work = Promise.withResolvers<number>();
    const late = within(work.promise, 10);
    await vi.advanceTimersByTimeAsync(11);
    expect(await late).toBeUndefined();
    work.reject(new RangeError("too late"));
  });

  test("ends with the signal, and leaves no listener behind", async () => {
    const stop = new AbortController();
    for (let round = 0; round < 3; round += 1) await within(Promise.resolve(), 10, { signal: stop.signal });
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    const broken = expect(within(NEVER, 10, { signal: stop.signal })).rejects.toThrow("enough");
    stop.abort(new RangeError("enough"));
    await broken;
  });

  test("for work that is only to be over asks for no outcome", async () => {
    expect(await settledWithin(Promise.reject(new Error("broken")), 10)).toBe(true);
    expect(await settledWithin(NEVER, Number.POSITIVE_INFINITY, { signal: AbortSignal.abort() })).toBe(false);
    const late = settledWithin(NEVER, 10);
    await vi.advanceTimersByTimeAsync(11);
    expect(await late).toBe(false);
  });
});

describe("trying again", () => {
  const growth = { first: 50, longest: 1_000 };

  test("pauses twice as long after each failure, up to the longest pause", () => {
    expect([1, 2, 3, 5, 6, 2_000].map((failures) => backOff(failures, growth))).toEqual([
      50, 100, 200, 800, 1_000, 1_000,
    ]);
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    expect(backOff(2, { ...growth, jitter: 0.5 })).toBe(75);
    vi.restoreAllMocks();
  });

  test("goes on until it succeeds", async () => {
    let tries = 0;
    const attempt = async (): Promise<number> => {
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      return tries;
    };
    const trying = retry(attempt, { ...growth, isFinal: () => false });
    await vi.advanceTimersByTimeAsync(150);
    expect(await trying).toBe(3);
  });

  test("ends with an error that is final, and with the signal", async () => {
    const fail = () => Promise.reject(new RangeError("broken"));
    const given = expect(retry(fail, { ...growth, isFinal: (_, failures) => failures === 3 })).rejects.toThrow(
      "broken",
    );
    await vi.advanceTimersByTimeAsync(150);
    await given;
    const signal = AbortSignal.abort(new RangeError("enough"));
    await expect(retry(fail, { ...growth, signal, isFinal: () => false })).rejects.toThrow("enough");
  });
});
