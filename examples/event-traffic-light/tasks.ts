import { currentTask, type Event, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

/** How long the light stays as it is, ms. */
const PHASE = 400;

/** Changes between red (not set) and green (set) until somebody stops it. */
export const trafficLight = task("event-traffic-light.trafficLight", async (green: Event) => {
  const { signal } = currentTask();
  console.log("the light is red");
  while (!signal.aborted) {
    await sleep(PHASE);
    if (await green.isSet()) {
      console.log("the light turns red");
      await green.clear();
    } else {
      console.log("the light turns green");
      await green.set();
    }
  }
});

export const car = task("event-traffic-light.car", (name: string, green: Event) =>
  noted(async () => {
    const cameAtGreen = await green.isSet();
    const arrived = Date.now();
    // At green this returns at once. A light that turns red again right away is no reason to miss the green.
    const drove = await green.wait();
    return { name, cameAtGreen, drove, waited: Date.now() - arrived };
  }),
);
