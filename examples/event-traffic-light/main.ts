import { sleep, stage, takeFrom, verify, verifyEnds } from "../stage.ts";
import { car, type Passage, trafficLight } from "./tasks.ts";

// Python: e = Event(); p = Process(target=traffic_light, args=(e,)); p.daemon = True; p.start()
//         for i in range(10): time.sleep(…); Process(target=car, args=(e, i)).start()
await stage(async (mp) => {
  const green = mp.event();
  const passages = mp.queue<Passage>();
  const light = mp.process(trafficLight, { args: [green], daemon: true });
  await light.start();
  await light.started();
  const cars = Array.from({ length: 10 }, (_, index) => mp.process(car, { args: [`car${index}`, green, passages] }));
  for (const one of cars) {
    await sleep(Math.random() * 300);
    await one.start();
  }
  for (const one of cars) await one.join();
  await verifyEnds(mp, cars);

  const seen = await takeFrom(passages, cars.length);
  for (const { name, waited } of seen) {
    console.log(`${name} ${waited === null ? "came at green" : `waited ${waited} ms for green`}`);
  }
  verify(new Set(seen.map((passage) => passage.name)).size === 10, "all 10 cars have passed");
  verify(
    seen.some((passage) => passage.waited !== null),
    "some had to wait for green",
  );
  verify(light.isAlive(), "the light goes on");
  await mp.close();
  verify(light.exitcode === -15, "and ends with the program, as a daemon does");
});
