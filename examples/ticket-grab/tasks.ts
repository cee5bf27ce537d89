import { type Barrier, type Lock, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";
import { readStock, type Stock, writeStock } from "./stock.ts";

export interface Shop {
  stock: Stock;
  /** Who got a ticket. */
  buyers: Queue<string>;
  /** Opens when everybody has looked. */
  doors: Barrier;
}

/** Looks how many tickets are left, then tries to get one. Without a lock everybody grabs at once. */
export const ticket = task("ticket-grab.ticket", async (person: string, lock: Lock | null, shop: Shop) => {
  console.log(`${person} sees ${await readStock(shop.stock)} left, ${here()}`);
  await shop.doors.wait();
  await lock?.acquire();
  try {
    await grab(person, shop);
  } finally {
    await lock?.release();
  }
});

/** Reads, waits and writes back: whoever reads in between sees a ticket that is already sold. */
async function grab(person: string, { stock, buyers }: Shop): Promise<void> {
  const count = await readStock(stock);
  if (count === 0) {
    console.log(`${person} gets none, ${here()}`);
    return;
  }
  await sleep(200);
  await writeStock(stock, count - 1);
  console.log(`${person} gets a ticket, ${here()}`);
  await buyers.put(person);
}
