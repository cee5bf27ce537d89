import { mostAtOnce, stage, verify, verifySpread } from "../stage.ts";
import { subProcessRun } from "./tasks.ts";

// Python: pl = Pool(5); for i in range(10): pl.apply_async(func=sub_process_run, args=(f"process {i}",))
await stage(async (mp) => {
  console.log(`main process: ${process.pid}; the hosts have ${await mp.cpuCount()} slots`);
  const pool = mp.pool(5);
  const results = Array.from({ length: 10 }, (_, index) => pool.applyAsync(subProcessRun, [`process ${index}`]));
  pool.close();
  await pool.join();
  const runs = await Promise.all(results.map((result) => result.get()));
  for (const run of runs) console.log(`${run.value} ran on ${run.host} pid ${run.pid}`);
  const slots = await mp.cpuCount();
  const most = mostAtOnce(runs);
  verify(most <= 5, `at most 5 ran at once over all hosts (seen: ${most})`);
  // How many of them depends on how fast the first processes start.
  verify(most > 1 || slots === 1, "several ran at once");
  await verifySpread(mp, runs);
});
