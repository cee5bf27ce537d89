import { type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export const write = task("queue-writer-reader.write", async (queue: Queue<string>, lines: readonly string[]) => {
  for (const line of lines) {
    console.log(`writes "${line}", ${here()}`);
    await queue.put(line);
    await sleep(Math.random() * 60);
  }
});

/** `get` waits while the queue is empty: this ends when somebody ends it. */
export const read = task("queue-writer-reader.read", async (queue: Queue<string>, seen: Queue<string>) => {
  while (true) {
    const line = await queue.get(true);
    console.log(`reads "${line}", ${here()}`);
    await seen.put(line);
  }
});
