import type { Milliseconds } from "../../time/index.ts";

/** Who changes something. */
export interface AuditActor {
  /** Name of a token, what a proxy calls the visitor, `user@machine` of a command, or the name of a host. */
  name: string;
  /** `host`: it follows a file of schedules. */
  via: "dashboard" | "command" | "host";
  /** Of a visitor of the dashboard: `viewer`, `operator` or `admin`. */
  role: string | null;
  /** Address of a visitor of the dashboard. */
  address: string | null;
}

/** What is changed. */
export interface AuditedChange {
  /** Such as `task.cancel`, `pool.pause` or `lock.release`. */
  action: string;
  /** Kind of what is changed: task, tasks, pool, host, process, object. */
  kind: string;
  /** Its id or name; of many tasks, their query. */
  target: string;
  /** More, such as `size 4`; never arguments or results. */
  details?: string | undefined;
}

/**
 * `begun`: it is under way, or its program ended before it noted how it ended; `done`; `refused`: nothing was changed, because
 * of the state of the target, or because it is not there; `failed`: an error.
 */
export type AuditOutcome = "begun" | "done" | "refused" | "failed";

/** One line of the audit log. */
export interface AuditEntry {
  id: string;
  /** When it began, epoch ms of the server. */
  at: number;
  actor: AuditActor;
  action: string;
  kind: string;
  target: string;
  details: string | null;
  outcome: AuditOutcome;
  /** How it ended, in words. */
  result: string | null;
}

/** Entries that are kept, about; and how long. */
export const MOST_ENTRIES = 10_000;
export const ENTRIES_KEPT: Milliseconds = 7_776_000_000;
/** Longest text of one field, characters. */
export const LONGEST_FIELD = 1_000;
