import { readFileSync } from "node:fs";
import type { Milliseconds } from "@manyhands/core/internal";

/** What a process has used, as the system counts it. */
export interface ProcessUsage {
  /** Processor time since its start, ms. */
  time: Milliseconds;
  /** Resident memory, bytes. */
  memory: number;
}

/** The kernel counts in hundredths of a second for programs, also where its own clock is finer, ms. */
const TICK: Milliseconds = 10;
/** Of the fields behind the name of the program in `/proc/<pid>/stat`. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const PAGES = 21;

/** @returns null where the system does not tell, or the process is gone */
export function usageOf(pid: number): ProcessUsage | null {
  const fields = statOf(pid);
  if (!fields) return null;
  return {
    time: (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK,
    memory: Number(fields[PAGES]) * pageSize(),
  };
}

/** Read in some 20 µs from memory of the kernel, not from a disk. */
function statOf(pid: number): string[] | null {
  if (process.platform !== "linux") return null;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in brackets and may have any character.
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

let knownPageSize: number | undefined;

/** Bytes: a power of two, found by comparing two statements about this process. */
function pageSize(): number {
  knownPageSize ??= 2 ** Math.round(Math.log2(process.memoryUsage.rss() / Number(statOf(process.pid)?.[PAGES] ?? 1)));
  return knownPageSize;
}
