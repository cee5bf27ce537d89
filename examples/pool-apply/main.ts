import { mostAtOnce, type Run, stage, verify, verifySpread } from "../stage.ts";
import { slowSquare } from "./tasks.ts";

// Python: for i in range(20): res = p.apply(task, args=(i,)); print("--->", res)
await stage(async (mp) => {
  await using pool = mp.pool(4);
  const runs: Run[] = [];
  for (let number = 0; number < 20; number += 1) {
    const answer = await pool.apply(slowSquare, [number]);
    console.log(`${number}: ${answer.host} pid ${answer.pid} ---> ${answer.value}`);
    verify(answer.value === number ** 2, `${number} squared is ${answer.value}`);
    runs.push(answer);
  }
  verify(mostAtOnce(runs) === 1, "apply waits for each result, so never two ran at once");
  await verifySpread(mp, runs);
});
