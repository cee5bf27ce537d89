import { type Lock, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";
import { readStock, type Stock, writeStock } from "./stock.ts";

/** Looks how many tickets are left, then tries to get one. Without a lock everybody grabs at once. */
export const buyTicket = task("ticket-grab.buyTicket", (person: string, stock: Stock, lock: Lock | null) =>
  noted(async () => {
    const seen = await readStock(stock);
    await sleep(100);
    const bought = lock ? await lock.run(() => grab(stock)) : await grab(stock);
    return { person, seen, bought };
  }),
);

/** Reads, waits and writes back: whoever reads in between sees a ticket that is already sold. */
async function grab(stock: Stock): Promise<boolean> {
  const count = await readStock(stock);
  if (count === 0) return false;
  await sleep(200);
  await writeStock(stock, count - 1);
  return true;
}
