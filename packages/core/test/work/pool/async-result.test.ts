import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { TimeoutError, ValueError } from "../../../src/errors/index.ts";
import { AsyncResult, type Callbacks } from "../../../src/work/pool/async-result.ts";

function pending(callbacks?: Callbacks<number>): { result: AsyncResult<number>; errors: string[] } {
  const errors: string[] = [];
  const logger = { info() {}, warn() {}, error: (message: string) => void errors.push(message) };
  const result = new AsyncResult<number>(
    {
      logger,
      delivery: () => Promise.resolve(),
      state: () => Promise.resolve("unknown" as const),
      updates: () => (async function* () {})(),
      cancel: async () => true,
      describe: () => "it",
    },
    callbacks,
  );
  return { result, errors };
}

test("PL16: a wait that ends by time or signal leaves nothing behind", async () => {
  const { result } = pending();
  const controller = new AbortController();
  await result.wait({ timeout: 1, signal: controller.signal });
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  const aborted = result.wait({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  await expect(result.get({ signal: controller.signal })).rejects.toThrow("enough");
  result.resolve(4);
  expect(await result.get({ timeout: 0 })).toBe(4);
});

test("PL16: a timeout of null has no limit, a very long one works, and one that is no number is refused", async () => {
  const { result } = pending();
  const waits = [null, undefined, Number.POSITIVE_INFINITY, 2 ** 40].map((timeout) =>
    result.get({ timeout: timeout as number }),
  );
  await expect(result.get({ timeout: 1 })).rejects.toThrow(
    new TimeoutError("no result of it within 1 ms; it is still under way"),
  );
  for (const timeout of [Number.NaN, "5"]) {
    await expect(result.get({ timeout: timeout as number })).rejects.toThrow(
      new ValueError(`timeout must be milliseconds; got ${timeout}`),
    );
  }
  result.resolve(7);
  expect(await Promise.all(waits)).toEqual([7, 7, 7, 7]);
});

test("PL12, PL13: what a callback does or throws cannot change the outcome", async () => {
  const { result, errors } = pending({
    callback: () => {
      result.reject(new Error("too late"));
      throw new Error("broken callback");
    },
  });
  result.resolve(1);
  expect(await result).toBe(1);
  expect(result.successful()).toBe(true);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("callback of it threw: Error: broken callback");
});

test("PL13: a callback that fails later is reported too", async () => {
  const { result, errors } = pending({ errorCallback: async () => Promise.reject(new Error("later")) });
  result.reject(new Error("task"));
  await expect(result.get()).rejects.toThrow("task");
  await new Promise((resolve) => setImmediate(resolve));
  expect(errors[0]).toContain("errorCallback of it threw: Error: later");
});

test("the first outcome counts", async () => {
  const { result } = pending();
  result.answer(0, { ok: false, value: new RangeError("first"), micros: 0 });
  result.answer(0, { ok: true, value: 3, micros: 0 });
  await expect(result.get()).rejects.toThrow(RangeError);
  expect(await result.cancel()).toBe(false);
});
