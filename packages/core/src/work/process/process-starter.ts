import { AssertionError } from "../../errors/index.ts";
import { shared } from "../../package/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { ProcessParent } from "../../wire/records/process.ts";
import type { Placement } from "../../wire/records/process-queues.ts";
import type { ProcessEnding } from "../../wire/records/records.ts";
import type { Milestone } from "./milestone.ts";
import { currentOrder } from "./order.ts";
import type { Process } from "./process.ts";

/** What is to be started. */
export interface LaunchRequest {
  name: string;
  identity: number[];
  daemon: boolean;
  placement: Placement | null;
  /** Name of the task. */
  target: string;
  args: unknown[];
}

/** A started process, as the program sees it that started it. */
export interface ProcessHandle {
  readonly pid: number | null;
  readonly host: string | null;
  readonly exitcode: number | null;
  /** Why it is not known how it ended. */
  readonly lost: string | null;
  readonly hasEnded: boolean;
  /** It runs, or has ended without. */
  readonly started: Milestone;
  /** It has ended or is lost. */
  readonly ended: Milestone;
  end(how: ProcessEnding): Promise<void>;
  /** Keeps the program alive while `wait` is pending. */
  during<Value>(wait: Promise<Value>): Promise<Value>;
}

/** The part of a context that starts processes. */
export interface ProcessStarter {
  /** @returns the process, and a promise that rejects when it could not be handed over */
  launch(launch: LaunchRequest, process: Process): { launched: ProcessHandle; submitted: Promise<void> };
  isParentAlive(parent: ProcessParent): Promise<boolean>;
  /** Resolves after `limit` ms, or when the parent is gone. */
  joinParent(parent: ProcessParent, limit: Milliseconds, signal: AbortSignal | undefined): Promise<void>;
}

const known: { open: Set<ProcessStarter>; ofWorker: (() => ProcessStarter) | null } = shared(
  "manyhands.processStarters",
  () => ({ open: new Set<ProcessStarter>(), ofWorker: null }),
);

/** A context was opened. @returns takes it back */
export function offerStarter(starter: ProcessStarter): () => void {
  known.open.add(starter);
  return () => void known.open.delete(starter);
}

/** Processes started inside a worker use the worker's own context. */
export function offerWorkerStarter(starter: () => ProcessStarter): void {
  known.ofWorker = starter;
}

/**
 * The context for an object that was made without one: the worker's own, or the only one that is open.
 * @throws AssertionError when there is none, or more than one
 */
export function onlyStarter(): ProcessStarter {
  if (known.ofWorker) return known.ofWorker();
  const [only, second] = known.open;
  if (only && !second) return only;
  throw new AssertionError(
    only
      ? "several contexts are open, and any of them could start this process; give it to one with mp.process(process)"
      : "no context is open to start this process; connect() first",
  );
}

/** Name of the process that the calling code runs in. */
export function currentProcessName(): string {
  return currentOrder()?.name ?? (known.ofWorker ? "PoolChild" : "MainProcess");
}
