import { type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export const write = task("process-terminate.write", async (messages: Queue<number>) => {
  for (let message = 1; message <= 5; message += 1) {
    await sleep(50);
    console.log(`writes ${message}, ${here()}`);
    await messages.put(message);
  }
});

/** Waits for the next message for ever. */
export const read = task("process-terminate.read", async (messages: Queue<number>, done: Queue<number>) => {
  while (true) {
    const message = await messages.get();
    console.log(`reads ${message}, ${here()}`);
    await done.put(message);
  }
});

/** Computes for ever, and looks at nothing else. */
export const spin = task("process-terminate.spin", () => {
  console.log(`spins, ${here()}`);
  while (true);
});
