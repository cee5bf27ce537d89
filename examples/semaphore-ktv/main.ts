import { mostAtOnce, stage, verify, verifySpread } from "../stage.ts";
import { sing } from "./tasks.ts";

const ROOMS = 4;

// Python: sem = Semaphore(4); for i in range(10): Process(target=ktv, args=(i, sem)).start()
await stage(async (mp) => {
  const rooms = mp.semaphore(ROOMS);
  const pool = mp.pool(10);
  const visits = await Promise.all(Array.from({ length: 10 }, (_, person) => pool.applyAsync(sing, [person, rooms])));

  const opened = Math.min(...visits.map((visit) => visit.started));
  for (const { value, started, ended, host, pid } of visits) {
    console.log(`person ${value} sang from ${started - opened} to ${ended - opened} ms, on ${host} pid ${pid}`);
  }
  const most = mostAtOnce(visits);
  const slots = await mp.cpuCount();
  verify(most <= ROOMS, `never more than ${ROOMS} were in at once (seen: ${most})`);
  verify(most > 1 || slots === 1, "several sang at once");
  verify((await rooms.getValue()) === ROOMS, `all ${ROOMS} permits are back`);
  await verifySpread(mp, visits);
});
