import type {
  BinsMessage,
  Isolation,
  Measure,
  ProcessOrder,
  TaskAnnouncement,
  TraceCarrier,
  UnitKind,
} from "@manyhands/core/internal";
import type { LoadedFile } from "./loaded-files.ts";

/** What one child is asked to run: all units of one job. */
export interface RunRequest {
  /** How messages name the job. */
  jobId: string;
  /** The job's own id where `jobId` is another: jobs of several pools run in one child, and one may run twice in it. */
  ownId?: string;
  task: string;
  attempt: number;
  kind: UnitKind;
  /** Plain argument list of a single call; else `units`. */
  args?: unknown[];
  /** base64 text of `encode(args)`. */
  encodedArgs?: string;
  /** The units as they are in the job, JSON or base64 text, passed through undecoded. */
  units?: string;
  /** `encode(Unit[])` itself: large units travel as bytes, a quarter shorter. */
  unitBytes?: Uint8Array;
  count: number;
  /** Units that are already answered (or must not run) after a crash or a cancellation. */
  skip?: number[];
  /** Another attempt follows if this one fails. */
  hasTriesLeft?: boolean;
  /** Instead of calling the task, tell the key that its limits count the call under; of a chunk that of its first item. */
  computesKey?: boolean;
  /** Report the start of every call or item: needed for time limits, and after a crash to name the culprit. */
  reportStarts: boolean;
  /** Largest encoded result of one call or item, bytes. */
  maxPayload: number;
  /** No client of ours waits for the answers: they are looked up in the job, maybe by a client without our codec. */
  isDetached?: boolean;
  /** The trace that its calls belong to. */
  trace?: TraceCarrier;
}

/** What a child that becomes a process is to be and to do. */
export interface ProcessRequest {
  order: ProcessOrder;
  /** Name of the task. */
  target: string;
  args?: unknown[];
  /** base64 text of `encode(args)`. */
  encodedArgs?: string;
  /** The trace that it belongs to. */
  trace?: TraceCarrier;
}

/** First message to a child: whose it is and which tasks it serves. */
export interface LoadRequest {
  type: "load";
  /** Task modules: absolute paths, paths relative to the working directory, or URLs. */
  modules: string[];
  hostName: string;
  hostId: string;
  connection: unknown;
  /** URL of the module that says where Redis is, instead of `connection`. */
  redisModule?: string | null | undefined;
  lockNodes?: readonly unknown[] | undefined;
  namespace: string;
  /** Folder for what it compiles, null = none. */
  compileCache: string | null;
  isolation: Isolation;
  /** Tell which files were loaded. */
  tellsFiles?: boolean | undefined;
}

export type ToChild =
  | LoadRequest
  | { type: "adopt"; pool: string; initializer: { task: string; args: string } | null }
  | { type: "run"; request: RunRequest }
  /** The child is that process from now on, runs its target and ends with it. Nothing else is asked of it. */
  | { type: "become"; request: ProcessRequest }
  /**
   * `cancelled` aborts the signal of the running unit and answers waiting ones with CancelledError without running
   * them; `softTimeout` only aborts the signal of the running call or item; `shutdown` is `cancelled` with another
   * reason, and is answered by `unheard` where nothing listens. unit null = all of the job.
   */
  | { type: "cancel"; jobId: string; unit: number | null; reason: CancelReason }
  /** Does what the signal does in a program of its own; from outside it does nothing. */
  | { type: "signal"; signal: GuardedSignal }
  | { type: "exit" };

export type CancelReason = "cancelled" | "softTimeout" | "shutdown";

/** Signals that a child takes from its host alone. */
export type GuardedSignal = "SIGTERM" | "SIGINT" | "SIGHUP";

/** What the first failed answer of a message says, for people and for the decision to retry. */
export interface FailureReport {
  name: string;
  message: string;
  stack: string;
  /** encodeError(error). */
  error: Uint8Array;
  /** False when another attempt cannot end differently (UnrecoverableError, bad arguments, unsendable result). */
  retry: boolean;
  /** What the task's function says of the time before the next attempt, ms. Absent: it has none, or no attempt follows. */
  delay?: number;
  /** Why that function does not say it: it "threw …" or "gave …". */
  problem?: string;
}

export type FromChild =
  /** The files that were loaded, before `loaded` or `loadFailed`, where the host has asked for them. */
  | { type: "files"; files: LoadedFile[] }
  | { type: "loaded"; tasks: TaskAnnouncement[]; pid: number }
  /** `error` = encodeError(error). The child ends after it. */
  | { type: "loadFailed"; error: Uint8Array; message: string }
  /** The child takes part in the namespace under this id from now on; it holds nothing yet. */
  | { type: "session"; id: string }
  | { type: "adopted" }
  /** `thrown`: the initializer itself threw; else the child could not even call it. */
  | { type: "adoptFailed"; error: Uint8Array; message: string; thrown: boolean }
  /**
   * Every call is reported before it runs; of the items of a chunk the first, and later ones at most once per
   * millisecond, so a time limit measured from here is right to a millisecond.
   */
  | { type: "started"; jobId: string; unit: number; item: number }
  /**
   * `answers` = encode(UnitAnswer[]), for `units` many units; `failed` of them failed, `failure` describes the first.
   * `json` = the value of the only unit as JSON text; `isExact` = JSON says all of it. `done` = the job is finished.
   */
  | {
      type: "answers";
      jobId: string;
      answers: Uint8Array;
      units: number[];
      failed: number;
      failure?: FailureReport;
      json?: string;
      isExact?: boolean;
      done: boolean;
    }
  /** Of a shutdown: the running call has never looked at its signal, so there is nothing to wait for. */
  | { type: "unheard"; jobId: string }
  /** `unit` is -1 where only the job is known (text that native code wrote to the descriptor itself). */
  | { type: "output"; jobId: string | null; unit: number; stream: OutputStream; text: string }
  | { type: "log"; jobId: string; unit: number; line: string }
  | { type: "progress"; jobId: string; unit: number; value: unknown }
  /**
   * An error outside any awaited call (uncaught exception, unhandled rejection); the child exits after it. `jobId` and
   * `unit` name the call whose code threw, which may have ended long before; null where that is unknown.
   */
  | { type: "crashed"; error: Uint8Array; message: string; jobId: string | null; unit: number | null }
  /** What it measured of itself since the last such message. */
  | ({ type: "measured"; what: Measure } & BinsMessage)
  /** The signals that its code has handlers for, each time that changes. */
  | { type: "listens"; signals: GuardedSignal[] }
  /** The child ends as soon as this has left it; no reply is needed. */
  | { type: "farewell" };

export type OutputStream = "stdout" | "stderr";

/** The child's end of the line to its host. */
export interface ChildPort {
  send(message: FromChild): void;
  onMessage(listener: (message: ToChild) => void): void;
}
