import { expect, test } from "vitest";
import { TaskDurations } from "../../../src/work/submission/task-durations.ts";

test("nothing is known before the first answer, which then counts whole", () => {
  const durations = new TaskDurations();
  expect(durations.mean("t")).toBeUndefined();
  durations.record("t", 3_000, 1);
  expect(durations.mean("t")).toBe(3);
  expect(durations.mean("other")).toBeUndefined();
});

test("an answer to many items is their mean", () => {
  const durations = new TaskDurations();
  durations.record("t", 10_000, 100);
  expect(durations.mean("t")).toBeCloseTo(0.1);
  durations.record("u", 10_000, 0);
  expect(durations.mean("u")).toBe(10);
});

test("a task that suddenly takes long is believed at once, one that gets fast slowly", () => {
  const durations = new TaskDurations();
  durations.record("t", 1_000, 1);
  durations.record("t", 100_000, 1);
  expect(durations.mean("t")).toBeCloseTo(80.2);
  durations.record("t", 1_000, 1);
  expect(durations.mean("t")).toBeGreaterThan(60);
});
