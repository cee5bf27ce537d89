import { stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";
import { memory, type Sight, spend } from "./tasks.ts";

await stage(async (mp) => {
  const sights = mp.queue<Sight>();
  const letters: string[] = [];
  // Python: a global, or a queue.Queue() of the parent, is not the one that the child sees
  const processes = (await twoHosts(mp)).map((host) => mp.process(spend, { args: [letters, sights], host }));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);

  console.log(`the program has ${memory.money} and ${letters.length} letters, pid ${process.pid}`);
  const seen = await takeFrom(sights, processes.length);
  verify(
    seen.every((sight) => sight.before === 100 && sight.after === 60),
    "each process changed a global of its own",
  );
  verify(memory.money === 100 && memory.letters.length === 0, "the program's is as it was");
  verify(
    seen.every((sight) => sight.letters === 1) && letters.length === 0,
    "arguments are copies: what the processes added is not here",
  );
});
