import { hostname } from "node:os";
import type { Context } from "@manyhands/core";
import { stage, verify, verifySpread } from "../stage.ts";
import { createStock, readStock, removeStock } from "./stock.ts";
import { buyTicket } from "./tasks.ts";

const TICKETS = 4;
const PEOPLE = Array.from({ length: 10 }, (_, index) => `person${index}`);
const isLocked = !process.argv.includes("--no-lock");
const kept = process.argv.includes("--file") ? "in a file" : "in Redis";

// Python: lock = Lock(); for i in range(10): Process(target=ticket, args=(f"person{i}", lock)).start()
await stage(async (mp) => {
  if (kept === "in a file") await verifyOneMachine(mp);
  const lock = isLocked ? mp.lock() : null;
  const stock = await createStock(kept, TICKETS);
  try {
    console.log(`${TICKETS} tickets ${kept}, ${PEOPLE.length} people, ${isLocked ? "one lock" : "no lock"}`);
    const pool = mp.pool(PEOPLE.length);
    const runs = await Promise.all(PEOPLE.map((person) => pool.applyAsync(buyTicket, [person, stock, lock])));
    for (const { value, host, pid } of runs) {
      const outcome = value.bought ? "got a ticket" : "got none";
      console.log(`${value.person} saw ${value.seen} left and ${outcome}, on ${host} pid ${pid}`);
    }
    const sold = runs.filter((run) => run.value.bought).length;
    const left = await readStock(stock);
    if (isLocked) verify(sold === TICKETS && left === 0, `all ${TICKETS} tickets were sold, each once (sold: ${sold})`);
    else if ((await mp.cpuCount()) > 1)
      verify(sold > TICKETS, `without the lock ${TICKETS} tickets were sold ${sold} times`);
    await verifySpread(mp, runs);
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
