import { mostAtOnce, stage, verify, verifySpread } from "../stage.ts";
import { ALONE, work } from "./tasks.ts";

// Python: lock = Lock(); for i in range(10): Process(target=func, args=(i, lock)).start()
await stage(async (mp) => {
  const lock = mp.lock();
  const pool = mp.pool(10);
  const works = await Promise.all(Array.from({ length: 10 }, (_, index) => pool.applyAsync(work, [index, lock])));
  const together = works.map((one) => one.together);
  const alone = works.map((one) => one.alone).sort((left, right) => left.started - right.started);

  const begin = Math.min(...together.map((run) => run.started));
  for (const { index, alone: run } of works) {
    console.log(`${index} had its turn after ${run.started - begin} ms, on ${run.host} pid ${run.pid}`);
  }
  const slots = await mp.cpuCount();
  const most = mostAtOnce(together);
  verify(most > 1 || slots === 1, `the asynchronous parts ran at once (at most ${most})`);
  verify(mostAtOnce(alone) === 1, "the synchronous parts ran one by one");
  const pauses = alone.slice(1).map((run, index) => run.started - (alone[index]?.started ?? 0));
  // A timer may be a millisecond early.
  verify(Math.min(...pauses) >= ALONE - 2, `they began at least ${ALONE} ms apart (least: ${Math.min(...pauses)} ms)`);
  await verifySpread(mp, alone);
});
