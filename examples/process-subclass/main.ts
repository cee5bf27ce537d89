import { mostAtOnce, type Run, stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";
import { MyProcess } from "./tasks.ts";

// Python: class MyProcess(Process): def __init__(self, name): super().__init__(); self.name = name
//         def run(self): …
await stage(async (mp) => {
  console.log(`main: pid ${process.pid}`);
  const diary = mp.queue<Run & { value: string }>();
  const [left, right] = await twoHosts(mp);
  const processes = [left, right, left].map((host, index) => new MyProcess(`process ${index}`, diary, host));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  console.log("main: ends after the three of them");
  await verifyEnds(mp, processes);

  const runs = await takeFrom(diary, 3);
  const names = runs.map((run) => run.value).sort();
  verify(names.join() === "process 0,process 1,process 2", "each run() knew the name that its constructor was given");
  verify(mostAtOnce(runs) > 1, `they ran at once (at most ${mostAtOnce(runs)})`);
});
