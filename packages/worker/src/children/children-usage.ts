import type { Isolation, Milliseconds } from "@manyhands/core/internal";
import { type ProcessUsage, usageOf } from "./process-usage.ts";

/** A child as the record of its host names it. */
export interface ListedChild {
  pid: number;
  isolation: Isolation;
  busy: boolean;
  jobsRun: number;
}

/** What a child uses; null where it is not known, as of threads. */
export interface ChildUsage {
  /** Share of one processor since it was read before, 1 = all of it. */
  cpu: number | null;
  /** Resident memory, bytes. */
  memory: number | null;
  /** When it was first listed, by the wall clock, ms. */
  startedAt: number | null;
}

interface Reading extends ChildUsage {
  /** When, by the monotonic clock. */
  at: number;
  used: ProcessUsage | null;
  jobsRun: number;
  busy: boolean;
}

/** Within this time a reading is given again, ms. */
const FRESH: Milliseconds = 500;

/** Reads what children use, for each beat of the host. One that has done nothing since is not read again. */
export class ChildrenUsage {
  #readings = new Map<number, Reading>();

  /** Adds to each child what it uses. */
  withUsage<Child extends ListedChild>(children: readonly Child[]): (Child & ChildUsage)[] {
    const before = this.#readings;
    this.#readings = new Map();
    return children.map((child) => {
      if (child.isolation !== "process") return { ...child, cpu: null, memory: null, startedAt: null };
      const reading = read(child, before.get(child.pid));
      this.#readings.set(child.pid, reading);
      return { ...child, cpu: reading.cpu, memory: reading.memory, startedAt: reading.startedAt };
    });
  }
}

function read({ pid, busy, jobsRun }: ListedChild, before: Reading | undefined): Reading {
  const at = performance.now();
  if (before && at - before.at < FRESH) return before;
  if (before && !busy && !before.busy && before.jobsRun === jobsRun) return { ...before, cpu: before.used && 0 };
  const used = usageOf(pid);
  const isComparable = used !== null && before !== undefined && before.used !== null;
  const share = isComparable ? (used.time - (before.used?.time ?? 0)) / (at - before.at) : null;
  const cpu = share === null ? null : Math.max(0, Math.round(share * 100) / 100);
  const startedAt = before?.startedAt ?? Date.now();
  return { at, used, busy, jobsRun, cpu, memory: used?.memory ?? null, startedAt };
}
