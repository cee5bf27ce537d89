import { type Queue, task } from "@manyhands/core";
import { here } from "../stage.ts";

export const fill = task("queue-basics.fill", async (queue: Queue) => {
  console.log(`puts [42, null, "hello"], ${here()}`);
  await queue.put([42, null, "hello"]);
});

/** Takes one item and answers through the same queue. */
export const consume = task("queue-basics.consume", async (queue: Queue) => {
  console.log("son -->", await queue.get(), here());
  await queue.put("abc");
});
