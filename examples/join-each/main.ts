import { mostAtOnce, type Run, stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";
import { hello } from "./tasks.ts";

const NAMES = ["ann", "bob", "cem", "dan", "eve"];

await stage(async (mp) => {
  const diary = mp.queue<Run & { value: string }>();
  const hosts = await twoHosts(mp);
  const make = () =>
    NAMES.map((name, index) => mp.process(hello, { args: [name, diary], host: hosts[index % 2] ?? hosts[0] }));

  // Python: for i in range(5): p = Process(…); p.start(); p.join()
  const oneByOne = make();
  for (const process of oneByOne) {
    await process.start();
    await process.join();
  }
  console.log("main: goes on after each of them in turn");
  await verifyEnds(mp, oneByOne);
  const inTurn = await takeFrom(diary, NAMES.length);
  verify(inTurn.map((run) => run.value).join() === NAMES.join(), "joined in the loop, they ran in order");
  verify(mostAtOnce(inTurn) === 1, "one at a time");

  // Python: for i in range(5): p = Process(…); p.start(); p_list.append(p)
  //         for i in p_list: i.join()
  const together = make();
  for (const process of together) await process.start();
  for (const process of together) await process.join();
  console.log("main: goes on after all of them");
  await verifyEnds(mp, together);
  const atOnce = mostAtOnce(await takeFrom(diary, NAMES.length));
  verify(atOnce > 1, `joined after the loop, they ran at once (at most ${atOnce})`);
});
