import { stage, verify, verifyEnds } from "../stage.ts";
import { addOne } from "./tasks.ts";

// Python: q = Queue(); q.put(100); 10 times Process(target=sub_process_run, args=(name, q)); a = q.get(); a += 1; q.put(a)
await stage(async (mp) => {
  console.log(`main: pid ${process.pid}`);
  const q = mp.queue<number>();
  await q.put(100);
  const processes = Array.from({ length: 10 }, (_, index) => mp.process(addOne, { args: [`process ${index}`, q] }));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);

  const number = await q.get({ timeout: 5_000 });
  console.log(`main: the number is ${number}`);
  verify(number === 110, "10 processes made 110 of 100");
  verify(await q.empty(), "there is one number only");
});
