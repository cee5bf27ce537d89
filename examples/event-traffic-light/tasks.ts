import { type Event, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

/** How long the light stays as it is, ms. */
const PHASE = 400;

export interface Passage {
  name: string;
  /** Waited for green, ms; null when it came at green. */
  waited: number | null;
}

/** Changes between red (not set) and green (set) for ever. */
export const trafficLight = task("event-traffic-light.trafficLight", async (green: Event) => {
  console.log(`the light is red, ${here()}`);
  while (true) {
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

export const car = task("event-traffic-light.car", async (name: string, green: Event, passages: Queue<Passage>) => {
  let waited: number | null = null;
  if (!(await green.isSet())) {
    console.log(`${name} waits, ${here()}`);
    const arrived = Date.now();
    await green.wait();
    waited = Date.now() - arrived;
  }
  console.log(`${name} drives, ${here()}`);
  await passages.put({ name, waited });
});
