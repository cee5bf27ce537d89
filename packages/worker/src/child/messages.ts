import type { Isolation, TaskAnnouncement, UnitKind } from "@manyhands/core/internal";

/** What one child is asked to run: all units of one job. */
export interface RunRequest {
  jobId: string;
  task: string;
  attempt: number;
  kind: UnitKind;
  /** Plain argument list of a single call; else `units`. */
  args?: unknown[];
  /** base64 text of `encode(args)`. */
  encodedArgs?: string;
  /** base64 text of `encode(Unit[])`, passed through undecoded. */
  units?: string;
  count: number;
  /** Units that are already answered (or must not run) after a crash or a cancellation. */
  skip?: number[];
  /** Report the start of every call or item: needed for time limits, and after a crash to name the culprit. */
  reportStarts: boolean;
  /** Largest encoded result of one call or item, bytes. */
  maxPayload: number;
}

export type ToChild =
  | { type: "load"; modules: string[]; hostName: string; hostId: string; connection: unknown; namespace: string; isolation: Isolation }
  | { type: "adopt"; pool: string; initializer: { task: string; args: string } | null }
  | { type: "run"; request: RunRequest }
  /** Abort the signal of the running unit and skip waiting ones; unit null = all of the job. */
  | { type: "cancel"; jobId: string; unit: number | null; reason: "cancelled" | "softTimeout" }
  | { type: "exit" };

export type FromChild =
  | { type: "loaded"; tasks: TaskAnnouncement[]; pid: number }
  /** `error` = encode(error). */
  | { type: "loadFailed"; error: Uint8Array; message: string }
  | { type: "adopted" }
  | { type: "adoptFailed"; error: Uint8Array; message: string }
  | { type: "started"; jobId: string; unit: number; item: number }
  /**
   * `answers` = encode(UnitAnswer[]), for `units` many units; `failed` of them failed, `failure` describes the first.
   * `json` = the value of a single call as JSON text, when it is plain. `done` = the job is finished.
   */
  | {
      type: "answers";
      jobId: string;
      answers: Uint8Array;
      units: number[];
      failed: number;
      failure?: { name: string; message: string; stack: string; error: Uint8Array; retry: boolean };
      json?: string;
      done: boolean;
    }
  | { type: "output"; jobId: string | null; unit: number; stream: "stdout" | "stderr"; text: string }
  | { type: "log"; jobId: string; unit: number; line: string }
  | { type: "progress"; jobId: string; unit: number; value: unknown }
  /** An error outside any awaited call (uncaught exception, unhandled rejection); the child exits after it. */
  | { type: "crashed"; error: Uint8Array; message: string };
