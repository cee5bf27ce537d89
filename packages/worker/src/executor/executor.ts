import type { Isolation, TaskAnnouncement } from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";
import type { CancelReason, FromChild, OutputStream, RunRequest } from "../child/messages.ts";

/** How a child ended, as far as it is known. */
export interface ExecutorExit {
  /** Exit code, or null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /**
   * Last uncaught error the child could report: encodeError(error), its message, and the call whose code threw. That call
   * may belong to an earlier job, which has long been answered: then the running job is a victim, not the culprit.
   */
  crash: { error: Uint8Array; message: string; jobId: string | null; unit: number | null } | null;
  /** True when the heap limit ended it. */
  outOfMemory: boolean;
  /** Why we killed it, when we did. */
  killedFor: string | null;
}

/** What the runner of a job is told while the child works. */
export type RunMessage = Extract<
  FromChild,
  { type: "started" | "answers" | "unheard" | "output" | "log" | "progress" }
>;

/** Text that a child wrote while none of its code could be tied to a running job (module load, initializer, late timers). */
export interface StrayOutput {
  pid: number;
  /** A job that is already answered, or null. */
  jobId: string | null;
  stream: OutputStream;
  text: string;
}

/**
 * One child, separated from the host by an operating-system process, a worker thread, or nothing (inline).
 * Runs one job at a time (inline: several). Never reused after it has exited or been killed.
 */
export interface Executor {
  readonly isolation: Isolation;
  readonly pid: number;
  /** Resolves once task modules are loaded; rejects with the error of a module that throws. */
  readonly loaded: Promise<TaskAnnouncement[]>;
  /** The files of the user's code that it has loaded, where it was asked for them; known when `loaded` has settled. */
  readonly files: readonly LoadedFile[];
  /** Settles exactly once, when the child is gone. Never rejects. */
  readonly exited: Promise<ExecutorExit>;
  /** Ties the child to one pool for the rest of its life and runs the pool's initializer; rejects with its error. */
  adopt(pool: string, initializer: { task: string; args: string } | null): Promise<void>;
  /** True when {@link adopt} rejected with an error that the initializer's own code threw: any child would meet it. */
  readonly initializerThrew: boolean;
  /**
   * Runs all units of one job. Resolves with `null` after the message with `done: true`, or with the exit when the child
   * ended first. Never rejects. Listener calls come in the order of sending.
   */
  run(request: RunRequest, listener: (message: RunMessage) => void): Promise<ExecutorExit | null>;
  cancel(jobId: string, unit: number | null, reason: CancelReason): void;
  /**
   * It was told to end now, and may not be gone yet. What it had sent before is still heard, so its job may end as if it
   * lived; another job would be lost with it.
   */
  readonly isKilled: boolean;
  /** Ends the child now, also one that is busy in a loop; resolves when it is gone. */
  kill(reason: string): Promise<ExecutorExit>;
  /** Lets an idle child end by itself, kills it after `grace` ms. */
  retire(grace: number): Promise<ExecutorExit>;
}
