import { type Connection, type Context, currentContext, task } from "@manyhands/core";
import { sleep } from "../../stage.ts";

const CURRENCIES = ["EUR", "USD", "GBP", "NOK", "PEN"];

/** What the processes of the exchange, and the program, share. */
export function exchange(mp: Context = currentContext()) {
  const shop = mp.manager("shop");
  return {
    /** All three processes run and wait where they are to wait. */
    ready: mp.countDownLatch(3, { name: "exchange/ready" }),
    maintenance: mp.event("maintenance"),
    opening: mp.barrier(4, { name: "exchange/opening" }),
    market: mp.condition(null, { name: "exchange/market" }),
    board: mp.readWriteLock("exchange/board"),
    desks: mp.semaphore(4, { name: "exchange/desks" }),
    ticks: mp.queue<[currency: string, rate: number]>({ name: "exchange/ticks", maxSize: 500 }),
    prices: shop.dict<string, number>("prices"),
    latest: shop.list<string>("latest-ticks"),
    traded: shop.value("i", 0, { name: "traded" }),
  };
}

/** Starts the other two and stays as long as they do. */
export const supervisor = task("exchange.supervisor", async () => {
  const mp = currentContext();
  const { ready, desks } = exchange();
  const [here, there] = mp.pipe<string>();
  const feeding = mp.process(feed, { name: "exchange.feed", daemon: true, host: "oslo" });
  const trading = mp.process(desk, { args: [there], name: "exchange.desk", host: "lima" });
  await Promise.all([feeding.start(), trading.start()]);
  await using _desk = await desks.hold();
  await ready.countDown();
  console.log(`the exchange is open, supervised by pid ${process.pid}`);
  for (;;) console.log(await here.recv());
});

/** A daemon that changes prices, once a second. */
export const feed = task("exchange.feed", async () => {
  const { ready, prices, latest, ticks, traded } = exchange();
  await ready.countDown();
  for (let tick = 0; ; tick += 1) {
    const currency = CURRENCIES[tick % CURRENCIES.length] as string;
    const change = (last = 1): number => Math.round(10_000 * (last + 0.01 * Math.sin(tick))) / 10_000;
    const rate = (await prices.update(currency, change)) ?? 1;
    await latest.append(`${currency} ${rate}`);
    if ((await latest.length()) > 50) await latest.pop(0);
    await ticks.put([currency, rate], { block: false }).catch(() => {});
    await traded.add(1);
    await sleep(1_000);
  }
});

/** Takes ticks as they come, but leaves some in the line; and waits for all that it could be told. */
export const desk = task("exchange.desk", async (phone: Connection<string>) => {
  const { ready, ticks, maintenance, opening, market, board } = exchange();
  const waits = [
    maintenance.wait(),
    opening.wait(),
    market.run(() => market.wait()),
    board.readLock().run(() => ready.countDown().then(() => maintenance.wait())),
  ];
  for (const wait of waits) wait.catch((error: Error) => console.error(error.message));
  for (let taken = 0; ; await sleep(1_000)) {
    for (; (await ticks.qsize()) > 18; taken += 1) {
      const [currency, rate] = await ticks.get();
      if (taken % 60 === 0) await phone.send(`the desk bought ${currency} at ${rate}`);
    }
  }
});

/** Ends with an exit code that says how many deals it found wrong. */
export const audit = task("exchange.audit", () => {
  console.error("3 deals have no buyer");
  process.exit(3);
});
