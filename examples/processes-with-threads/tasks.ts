import { Worker } from "node:worker_threads";
import { type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export interface ThreadNote {
  name: string;
  pid: number;
  threadId: number;
}

/** Starts a thread and does not wait for it. */
export const run = task("processes-with-threads.run", async (name: string, notes: Queue<ThreadNote>) => {
  await sleep(100);
  console.log(`hello ${name}, ${here()}`);
  const thread = new Worker(new URL("./thread.ts", import.meta.url));
  thread.on("message", (threadId: number) => notes.put({ name, pid: process.pid, threadId }));
});
