import type { Milliseconds } from "../../time/index.ts";

/** Who started a process, as the process is told. */
export interface ProcessParent {
  /** Client id of the context that started it: its session tells whether the parent lives. */
  client: string;
  /** Id of the process that started it; null: a program, or a task of a pool. */
  process: string | null;
  pid: number;
  name: string;
  /** Name of the worker host, or of the machine of a program. */
  host: string;
}

/** What a process needs to know of itself. Travels in its job, beside the arguments. */
export interface ProcessOrder {
  id: string;
  name: string;
  /** Path of positions from the main program: the 2nd child of its 1st child is [1, 2]. */
  identity: number[];
  daemon: boolean;
  parent: ProcessParent;
}

/** First answer to the program that started a process: where it runs; null where it never ran. */
export type ProcessStarted = { pid: number; host: string } | null;

/** Second answer: how it ended. A process that was lost has a reason and no exit code. */
export interface ProcessEnded {
  exitcode: number | null;
  lost: string | null;
}

/** `waiting` for a host, `running`, `ended` with an exit code, `lost` with its host. */
export type ProcessState = "waiting" | "running" | "ended" | "lost";

/** A process as it stands in Redis (`Keys.process`). */
export interface ProcessRecord {
  id: string;
  state: ProcessState;
  name: string;
  /** Name of the task that it runs. */
  target: string;
  daemon: boolean;
  /** Queue that it was started through, which says where it may run. */
  queue: string;
  parent: ProcessParent;
  /** Empty while it waits. */
  host: string;
  hostId: string;
  pid: number | null;
  exitcode: number | null;
  /** Why it is lost. */
  lost: string | null;
  /** Server times in ms. */
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** The last characters that it wrote. */
  stdout: string;
  stderr: string;
}

/** How long a process that has ended can be looked at, ms. */
export const KEPT_PROCESSES: Milliseconds = 3_600_000;
/** Processes that have ended and are kept; older ones are removed sooner. */
export const MOST_KEPT_PROCESSES = 1_000;
