import { hostname } from "node:os";
import type { Context } from "@manyhands/core";
import { stage, verify, verifyEnds } from "../stage.ts";
import { createStock, readStock, removeStock } from "./stock.ts";
import { ticket } from "./tasks.ts";

const TICKETS = 4;
const PEOPLE = 10;
const isLocked = !process.argv.includes("--no-lock");
const kept = process.argv.includes("--file") ? "in a file" : "in Redis";

// Python: lock = Lock(); for i in range(10): Process(target=ticket, args=("person%s" % i, lock)).start()
await stage(async (mp) => {
  if (kept === "in a file") await verifyOneMachine(mp);
  const lock = isLocked ? mp.lock() : null;
  const stock = await createStock(mp, kept, TICKETS);
  const buyers = mp.queue<string>();
  const doors = mp.barrier(PEOPLE);
  try {
    const people = Array.from({ length: PEOPLE }, (_, index) =>
      mp.process(ticket, { args: [`person${index}`, lock, { stock, buyers, doors }] }),
    );
    console.log(`${TICKETS} tickets ${kept}, ${people.length} people, ${isLocked ? "one lock" : "no lock"}`);
    for (const person of people) await person.start();
    for (const person of people) await person.join();
    await verifyEnds(mp, people);

    const sold = await buyers.qsize();
    const left = await readStock(stock);
    if (isLocked) verify(sold === TICKETS && left === 0, `all ${TICKETS} tickets were sold, each once (sold: ${sold})`);
    else verify(sold > TICKETS, `without the lock ${TICKETS} tickets were sold ${sold} times`);
  } finally {
    await removeStock(stock);
  }
});

/** A file of this machine is nothing to hosts on another one. */
async function verifyOneMachine(mp: Context): Promise<void> {
  const machines = new Set((await mp.hosts()).map((host) => host.hostname));
  verify(
    [...machines].every((machine) => machine === hostname()),
    "all hosts can read a file of this machine",
  );
}
