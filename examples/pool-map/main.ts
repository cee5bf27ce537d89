import { stage, verify, verifySpread } from "../stage.ts";
import { mapSquare } from "./tasks.ts";

// Python: p = Pool(4); p.map(task, range(20))
await stage(async (mp) => {
  await using pool = mp.pool(4);
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  const begin = Date.now();
  const answers = await pool.map(mapSquare, numbers);
  const took = Date.now() - begin;
  for (const [index, answer] of answers.entries())
    console.log(`${index}: ${answer.host} pid ${answer.pid} ---> ${answer.value}`);
  verify(
    answers.every((answer, index) => answer.value === index ** 2),
    "the values are in the order of the items",
  );
  verify(took < 20 * 100, `together they took ${took} ms instead of the 2 000 ms that one process needs`);
  await verifySpread(mp, answers);
});
