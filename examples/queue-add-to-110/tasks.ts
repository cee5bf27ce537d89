import { type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export const addOne = task("queue-add-to-110.addOne", async (name: string, queue: Queue<number>) => {
  console.log(`name of the sub-process: ${name}, ${here()}`);
  await sleep(100);
  // Whoever has the number is the only one who has it.
  let number = await queue.get();
  number += 1;
  await queue.put(number);
  console.log(`${name} ends, the number is ${number}, ${here()}`);
});
