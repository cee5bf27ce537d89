import { runningUnit } from "./captured-streams.ts";
import type { ChildRuntime } from "./runtime.ts";

/**
 * Ends the child after an error outside any awaited call: its state can no longer be trusted, so it must not run
 * another job. The call whose code threw is known even when it was answered long ago.
 */
export function guardAgainstCrashes(runtime: ChildRuntime, end: (code: number) => void): void {
  let crashed = false;
  process.on("uncaughtException", (error) => {
    if (crashed) return;
    crashed = true;
    runtime.reportCrash(error, runningUnit());
    end(1);
  });
  // Within process.exit() and at a natural end: calls that have ended are answered, however the child ends.
  process.on("exit", () => runtime.flush());
}
