import type { WorkerHost } from "@manyhands/worker";
import { expect, test, vi } from "vitest";
import { IdleMemory } from "../src/memory/idle-memory.ts";

type HostRecord = ReturnType<WorkerHost["record"]>;

test("a host gives memory back once it has had nothing to do for a while, once for each time of work", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    // given
    const record = { completed: 0, failed: 0, running: [] as unknown[], processes: { running: 0 } };
    let spare = 100_000_000;
    const collect = vi.fn();
    const host = { record: () => record as unknown as HostRecord, closed: new Promise<void>(() => {}) };
    new IdleMemory({ host, logger: console, spare: () => spare, collect }).start();
    // when a job runs for long
    record.running = [{}];
    vi.advanceTimersByTime(60_000);
    expect(collect).not.toHaveBeenCalled();
    // then it is not given back at its end, but once nothing has run for a while
    record.running = [];
    record.completed = 1;
    vi.advanceTimersByTime(10_000);
    expect(collect).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(collect).toHaveBeenCalledTimes(1);
    // and again after more work, unless that is too little to give back
    record.completed = 2;
    vi.advanceTimersByTime(60_000);
    expect(collect).toHaveBeenCalledTimes(2);
    spare = 1_000_000;
    record.completed = 3;
    vi.advanceTimersByTime(60_000);
    expect(collect).toHaveBeenCalledTimes(2);
  } finally {
    vi.useRealTimers();
  }
});
