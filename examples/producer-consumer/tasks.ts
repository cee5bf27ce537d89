import { type JoinableQueue, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export interface Bite {
  bun: string;
  eater: string;
  /** Whether the bun was taken, or is eaten up. */
  what: "takes" | "has eaten";
}

export const produce = task(
  "producer-consumer.produce",
  async (buns: JoinableQueue<string>, name: string, count: number) => {
    for (let index = 0; index < count; index += 1) {
      await sleep(40 + Math.random() * 60);
      console.log(`${name} makes bun ${index}, ${here()}`);
      await buns.put(`${name}'s bun ${index}`);
    }
  },
);

/** Eats until it is ended. A bun is its own until `taskDone()`: if it dies before, somebody else gets the bun. */
export const consume = task(
  "producer-consumer.consume",
  async (buns: JoinableQueue<string>, eater: string, bites: Queue<Bite>) => {
    while (true) {
      const bun = await buns.get();
      await bites.put({ bun, eater, what: "takes" });
      await sleep(80 + Math.random() * 80);
      console.log(`${eater} has eaten ${bun}, ${here()}`);
      await bites.put({ bun, eater, what: "has eaten" });
      await buns.taskDone();
    }
  },
);
