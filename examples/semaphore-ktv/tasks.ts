import { type Semaphore, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const sing = task("semaphore-ktv.sing", async (person: number, rooms: Semaphore) => {
  await rooms.acquire();
  try {
    return await noted(async () => {
      console.log(`person ${person} goes in`);
      await sleep(200 + Math.random() * 200);
      console.log(`person ${person} comes out`);
      return person;
    });
  } finally {
    await rooms.release();
  }
});
