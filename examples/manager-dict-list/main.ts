import { stage, verify, verifyEnds } from "../stage.ts";
import { share } from "./tasks.ts";

// Python: with Manager() as manager: d = manager.dict(); l = manager.list(range(5))
//         for i in range(10): p = Process(target=f, args=(d, l)); …
await stage(async (mp) => {
  await using manager = mp.manager();
  const d = manager.dict<number | string, unknown>();
  const l = manager.list([0, 1, 2, 3, 4]);
  const processes = Array.from({ length: 10 }, () => mp.process(share, { args: [d, l] }));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);

  const entries = await d.copy();
  const items = await l.copy();
  console.log(entries);
  console.log(items);
  const pids = processes.map((process) => process.pid);
  verify(entries.get(1) === "1", "all wrote the same value under 1: it is there once");
  verify(
    entries.size === 11 && pids.every((pid) => [...entries.values()].includes(pid)),
    "and each one a key of its own",
  );
  verify(items.slice(0, 5).join() === "0,1,2,3,4", "the list begins with what it was made with");
  verify(
    items.length === 15 && pids.every((pid) => items.includes(pid ?? 0)),
    "each process added its pid once, and none was lost",
  );
});
