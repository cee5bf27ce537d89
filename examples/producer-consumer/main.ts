import { stage, twoHosts, verify, verifySpread } from "../stage.ts";
import { type Bite, consume, produce } from "./tasks.ts";

const BUNS = 10;

// Python: jq = JoinableQueue(); c1 = Process(target=consumer, args=(jq, "alex")); c1.daemon = True; c1.start()
//         p1 = Process(target=producer, args=(jq, "libai", "bun")); p1.start(); p1.join(); jq.join()
await stage(async (mp) => {
  const jq = mp.joinableQueue<string>();
  const bites = mp.queue<Bite>();
  const [kitchen, table] = await twoHosts(mp);
  const producers = ["libai", "dufu"].map((name) =>
    mp.process(produce, { args: [jq, name, BUNS], name, host: kitchen }),
  );
  const [alex, ...others] = ["alex", "bella", "carl"].map((name) =>
    mp.process(consume, { args: [jq, name, bites], name, daemon: true, host: table }),
  );
  if (!alex) return;
  for (const process of [alex, ...others, ...producers]) await process.start();

  const seen: Bite[] = [];
  do seen.push(await bites.get({ timeout: 20_000 }));
  while (seen.at(-1)?.eater !== "alex");
  console.log(`main: kills alex, who has just taken ${seen.at(-1)?.bun}`);
  await alex.kill();

  for (const process of producers) await process.join();
  verify(await jq.join({ timeout: 20_000 }), "every bun that was made is done");
  while (!(await bites.empty())) seen.push(await bites.get());
  const eaten = seen.filter((bite) => bite.what === "has eaten");
  verify(new Set(eaten.map((bite) => bite.bun)).size === 2 * BUNS, `all ${2 * BUNS} buns were eaten`);
  verify(alex.exitcode === -9, "although one of the three was killed");
  for (const bun of inHand(seen, "alex")) {
    const eater = eaten.find((bite) => bite.bun === bun)?.eater;
    verify(eater !== undefined && eater !== "alex", `${eater} ate ${bun}, which alex had in his hand`);
  }
  verify(
    others.every((consumer) => consumer.isAlive()),
    "the others wait for more, and end with the program",
  );
  await verifySpread(mp, [...producers, alex, ...others]);
});

/** What somebody took and did not eat up. */
function inHand(bites: readonly Bite[], eater: string): string[] {
  const own = bites.filter((bite) => bite.eater === eater);
  const eaten = own.filter((bite) => bite.what === "has eaten").map((bite) => bite.bun);
  return own.filter((bite) => bite.what === "takes" && !eaten.includes(bite.bun)).map((bite) => bite.bun);
}
