import { constants } from "node:os";
import type { ExecutorExit } from "../executor/executor.ts";

/** Exit code of a process as Python gives it: a signal is its number, negative (P6). */
export function exitCodeOf({ code, signal }: Pick<ExecutorExit, "code" | "signal">): number {
  if (signal !== null) return -constants.signals[signal];
  return code ?? 1;
}
