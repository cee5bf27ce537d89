import { type Run, stage, verify, verifySpread } from "../stage.ts";
import { addHundred } from "./tasks.ts";

// Python: pool = Pool(3); pool.apply_async(func=foo, args=(i,), callback=call)
await stage(async (mp) => {
  const pool = mp.pool(3);
  console.log(`main process: ${process.pid}`);
  const runs: Run[] = [];
  const values: number[] = [];
  for (let number = 0; number < 10; number += 1) {
    pool.applyAsync(addHundred, [number], {
      callback: (answer) => {
        console.log(
          `--> exec done: ${answer.value}, called back in ${process.pid}, ran on ${answer.host} pid ${answer.pid}`,
        );
        values.push(answer.value);
        runs.push(answer);
      },
    });
  }
  console.log("end: all submitted, none awaited");
  verify(values.length === 0, "applyAsync returned before any result was there");
  pool.close();
  await pool.join();
  verify(
    values.sort((left, right) => left - right).join() === Array.from({ length: 10 }, (_, index) => index + 100).join(),
    "after join every callback has run, once",
  );
  await verifySpread(mp, runs);
});
