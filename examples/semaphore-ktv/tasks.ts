import { type Queue, type Semaphore, task } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

export type Visit = Run & { value: number };

export const sing = task("semaphore-ktv.sing", async (person: number, rooms: Semaphore, visits: Queue<Visit>) => {
  await rooms.acquire();
  const visit = await noted(async () => {
    console.log(`person ${person} goes in, ${here()}`);
    await sleep(200 + Math.random() * 200);
    console.log(`person ${person} comes out, ${here()}`);
    return person;
  });
  await rooms.release();
  await visits.put(visit);
});
