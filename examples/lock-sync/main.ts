import { mostAtOnce, stage, takeFrom, verify, verifyEnds } from "../stage.ts";
import { ALONE, type Part, work } from "./tasks.ts";

// Python: lock = Lock(); for i in range(10): Process(target=func, args=(i, lock)).start()
await stage(async (mp) => {
  const lock = mp.lock();
  const diary = mp.queue<Part>();
  const processes = Array.from({ length: 10 }, (_, number) => mp.process(work, { args: [number, lock, diary] }));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);
  const parts = await takeFrom(diary, 20);

  const together = parts.filter((part) => part.kind === "asynchronous").map((part) => part.run);
  const turns = parts
    .filter((part) => part.kind === "synchronous")
    .sort((one, next) => one.run.started - next.run.started);
  const alone = turns.map((part) => part.run);
  const begin = Math.min(...together.map((run) => run.started));
  for (const { number, run } of turns) {
    console.log(`${number} had its turn after ${run.started - begin} ms, on ${run.host} pid ${run.pid}`);
  }
  const most = mostAtOnce(together);
  verify(most > 1, `the asynchronous parts ran at once (at most ${most})`);
  verify(mostAtOnce(alone) === 1, "the synchronous parts ran one by one");
  const pauses = alone.slice(1).map((run, index) => run.started - (alone[index]?.started ?? 0));
  // A timer may be a millisecond early.
  verify(Math.min(...pauses) >= ALONE - 2, `they began at least ${ALONE} ms apart (least: ${Math.min(...pauses)} ms)`);
});
