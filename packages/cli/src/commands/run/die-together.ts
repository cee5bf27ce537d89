import type { ChildProcess } from "node:child_process";
import { startWatchdog } from "@manyhands/core/redis-server";

/** Ends the child when this process is gone, however it ended: a program must not wait for hosts that ended with us. */
export function dieTogether(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watchdog = startWatchdog(undefined);
  watchdog.guard(child.pid);
  child.once("exit", () => {
    watchdog.forget();
    watchdog.dismiss();
  });
}
