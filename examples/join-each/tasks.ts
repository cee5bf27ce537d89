import { type Queue, task } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

export const hello = task("join-each.hello", async (name: string, diary: Queue<Run & { value: string }>) => {
  console.log(`hello ${name}, ${here()}`);
  await diary.put(
    await noted(async () => {
      await sleep(200);
      return name;
    }),
  );
});
