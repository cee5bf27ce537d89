import { mostAtOnce, stage, takeFrom, verify, verifyEnds } from "../stage.ts";
import { sing, type Visit } from "./tasks.ts";

const ROOMS = 4;

// Python: sem = Semaphore(4); for i in range(10): Process(target=ktv, args=(i, sem)).start()
await stage(async (mp) => {
  const rooms = mp.semaphore(ROOMS);
  const diary = mp.queue<Visit>();
  const people = Array.from({ length: 10 }, (_, person) => mp.process(sing, { args: [person, rooms, diary] }));
  for (const person of people) await person.start();
  for (const person of people) await person.join();
  await verifyEnds(mp, people);

  const visits = await takeFrom(diary, people.length);
  const opened = Math.min(...visits.map((visit) => visit.started));
  for (const { value, started, ended, host, pid } of visits) {
    console.log(`person ${value} sang from ${started - opened} to ${ended - opened} ms, on ${host} pid ${pid}`);
  }
  const most = mostAtOnce(visits);
  verify(most <= ROOMS, `never more than ${ROOMS} were in at once (seen: ${most})`);
  verify(most > 1, "several sang at once");
  verify((await rooms.getValue()) === ROOMS, `all ${ROOMS} permits are back`);
});
