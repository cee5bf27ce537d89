import { type Queue, task } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

export const sendMail = task("send-mail.sendMail", async (number: number, sent: Queue<Run>) => {
  const run = await noted(() => sleep(100 + Math.random() * 300));
  console.log(`${here()}: mail ${number} is sent`);
  await sent.put(run);
});
