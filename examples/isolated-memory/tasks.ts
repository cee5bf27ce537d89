import { type Queue, task } from "@manyhands/core";
import { here } from "../stage.ts";

/** Each process that loads this module has variables of its own. */
export const memory = { money: 100, letters: [] as string[] };

export interface Sight {
  before: number;
  after: number;
  letters: number;
}

export const spend = task("isolated-memory.spend", async (letters: string[], sights: Queue<Sight>) => {
  const before = memory.money;
  memory.money -= 40;
  memory.letters.push("hello");
  letters.push("hello");
  console.log(`the process has ${memory.money} and ${letters.length} letters, ${here()}`);
  await sights.put({ before, after: memory.money, letters: letters.length });
});
