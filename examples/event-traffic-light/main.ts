import { type AsyncResult, PoolTerminatedError } from "@manyhands/core";
import { sleep, stage, verify, verifySpread } from "../stage.ts";
import { car, trafficLight } from "./tasks.ts";

// Python: e = Event(); Process(target=traffic_light, args=(e,), daemon=True).start(); 10 cars; join them
await stage(async (mp) => {
  verify((await mp.cpuCount()) > 1, "there is a slot for the light and one for cars");
  const green = mp.event();
  const street = mp.pool();
  const light = street.applyAsync(trafficLight, [green]);
  const cars = Array.from({ length: 10 }, async (_, index) => {
    await sleep(Math.random() * 2_000);
    return street.apply(car, [`car${index}`, green]);
  });

  const runs = await Promise.all(cars);
  for (const { value, host, pid } of runs) {
    const story = value.cameAtGreen ? "came at green" : `waited ${value.waited} ms for green`;
    console.log(`${value.name} ${story} and drove, on ${host} pid ${pid}`);
  }
  verify(
    runs.every((run) => run.value.drove),
    "all 10 cars drove at green",
  );
  verify(
    runs.some((run) => !run.value.cameAtGreen),
    "some had to wait for it",
  );
  await verifySpread(mp, runs);
  // As a daemon does, the light ends with the main program.
  await street.terminate();
  verify(await isTerminated(light), "the light went out with the main program");
});

async function isTerminated<Value>(result: AsyncResult<Value>): Promise<boolean> {
  return result.get().then(
    () => false,
    (error: unknown) => error instanceof PoolTerminatedError,
  );
}
