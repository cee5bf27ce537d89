import { TimeoutError } from "@manyhands/core";
import { type Run, stage, verify, verifySpread } from "../stage.ts";
import { squareLater } from "./tasks.ts";

// Python: submit all with apply_async first, then get() each: get() right after each submission would run them one by one.
await stage(async (mp) => {
  await using pool = mp.pool(4);
  const begin = Date.now();
  const results = Array.from({ length: 8 }, (_, index) => pool.applyAsync(squareLater, [index]));
  const [first] = results;
  verify(first?.ready() === false, "a fresh result is not ready");
  const early = await first?.get({ timeout: 1 }).catch((error: unknown) => error);
  verify(
    early instanceof TimeoutError,
    "get({ timeout: 1 }) throws TimeoutError, and the result can still be had later",
  );
  const runs: Run[] = [];
  for (const [index, result] of results.entries()) {
    const answer = await result.get();
    console.log(`${index}: ${answer.host} pid ${answer.pid} ---> ${answer.value}`);
    verify(answer.value === index ** 2 && result.successful(), `result ${index} is ${answer.value}`);
    runs.push(answer);
  }
  verify(Date.now() - begin < 8 * 250, "the tasks ran side by side");
  const failing = pool.applyAsync(squareLater, [-1]);
  await failing.wait();
  verify(!failing.successful(), "wait() does not throw for a task that failed");
  const error = await failing.get().catch((reason: unknown) => reason);
  verify(error instanceof RangeError, `get() throws the task's own error: ${String(error)}`);
  await verifySpread(mp, runs);
});
