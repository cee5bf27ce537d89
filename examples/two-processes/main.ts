import { mostAtOnce, type Run, stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";
import { eat, rest } from "./tasks.ts";

await stage(async (mp) => {
  const diary = mp.queue<Run>();
  const [left, right] = await twoHosts(mp);
  // Python: p1 = Process(target=eat); p1.start(); p2 = Process(target=sleep); p2.start()
  const p1 = mp.process(eat, { args: [diary], host: left });
  await p1.start();
  const p2 = mp.process(rest, { args: [diary], host: right });
  await p2.start();
  console.log(`main: pid ${process.pid}`);

  await p1.join();
  await p2.join();
  await verifyEnds(mp, [p1, p2]);
  verify(mostAtOnce(await takeFrom(diary, 2)) === 2, "one ate while the other slept");
});
