import { expect, test } from "vitest";
import { failureSummary } from "../../src/errors/index.ts";

test("an error is summed up by name, message and stack", () => {
  const error = new RangeError("too far");
  expect(failureSummary(error)).toEqual({ name: "RangeError", message: "too far", stack: error.stack });
});

test("an empty message is replaced, for BullMQ takes an empty reason for success", () => {
  expect(failureSummary(new TypeError()).message).toBe("TypeError");
});

test("any other thrown value is described", () => {
  expect(failureSummary(undefined).message).toBe("the task threw undefined, which is not an Error");
  expect(failureSummary({ a: 1 }).message).toBe('the task threw the object {"a":1}, which is not an Error');
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(failureSummary(cycle).message).toBe("the task threw an object, which is not an Error");
  expect(failureSummary("x".repeat(10_000)).message.length).toBeLessThan(300);
});

test("an error that resists being read does not throw", () => {
  const hostile = {
    get message(): string {
      throw new Error("no");
    },
  };
  expect(failureSummary(hostile)).toEqual({ name: "Error", message: "Error", stack: "Error: " });
});
