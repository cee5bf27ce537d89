import { createHash } from "node:crypto";
import { currentTask, task } from "@manyhands/core";
import { sleep } from "../../stage.ts";

/** Turns an image into numbers. */
export const embed = task("embed.image", async (path: string) => {
  await sleep(400);
  return [...createHash("sha256").update(path).digest().subarray(0, 8)].map((byte) => byte / 255);
});

/** Trains for hours, in small steps. */
export const train = task("train.ranker", async (epochs: number) => {
  const { progress, log, signal } = currentTask();
  let state = "start";
  for (let epoch = 1; epoch <= epochs && !signal.aborted; epoch += 1) {
    state = createHash("sha512").update(state.repeat(10_000)).digest("hex");
    progress({ epoch, of: epochs, loss: 1 / epoch });
    log(`epoch ${epoch}: loss ${(1 / epoch).toFixed(4)}`);
    await sleep(epoch < 5 ? 100 : 5_000);
  }
  return state;
});
