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
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
  const thread = new Worker(watch, {
    eval: true,
    workerData: parent,
    resourceLimits: limits,
    execArgv: [],
    stdin: false,
  });
  thread.unref();
}
