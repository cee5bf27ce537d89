import { Worker } from "node:worker_threads";

/** How often the parent is looked for, ms. */
const WATCH_INTERVAL = 250;

/**
 * Kills this process when its parent is no longer `parent`. The watch lives in a thread of its own, so that it also
 * ends a child that is busy in a loop. Needed where the system cannot do it (PR_SET_PDEATHSIG).
 */
export function watchParent(parent: number): void {
  const watch = `
    const { workerData: parent } = require("node:worker_threads");
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, ${WATCH_INTERVAL});
  `;
  const thread = new Worker(watch, { eval: true, workerData: parent, execArgv: [], stdin: false });
  // A watch that fails must not end a healthy child: what is left is the end of the IPC channel.
  thread.on("error", () => undefined);
  thread.unref();
}
