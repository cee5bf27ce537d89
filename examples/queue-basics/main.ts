import { isDeepStrictEqual } from "node:util";
import { stage, twoHosts, verify, verifyEnds } from "../stage.ts";
import { consume, fill } from "./tasks.ts";

await stage(async (mp) => {
  const [left, right] = await twoHosts(mp);

  // Python: q = Queue(); p = Process(target=f, args=(q,)); p.start(); print(q.get()); p.join()
  const q = mp.queue();
  const p1 = mp.process(fill, { args: [q], host: left });
  await p1.start();
  const first = await q.get();
  console.log(first);
  await p1.join();
  verify(isDeepStrictEqual(first, [42, null, "hello"]), "the program got what the process had put");

  // Python: p = Process(target=consume, args=(q,)); p.start(); q.put({"123": 123}); p.join(); print("Foo-->", q.get())
  const p2 = mp.process(consume, { args: [q], host: right });
  await p2.start();
  await q.put({ "123": 123 });
  await p2.join();
  const second = await q.get();
  console.log("main -->", second);
  verify(second === "abc", "the process got the program's item and answered");
  verify(await q.empty(), "the queue is empty");
  await verifyEnds(mp, [p1, p2]);
});
