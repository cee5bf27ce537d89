import { setTimeout as pause } from "node:timers/promises";
import { type Context, type TaskHandle, TimeoutError } from "@manyhands/core";
import { archive, closeLedger, post } from "./tasks/billing.ts";
import { audit, exchange, supervisor } from "./tasks/exchange.ts";
import { embed, train } from "./tasks/gpu.ts";
import { makeThumbnail } from "./tasks/images.ts";
import { sendInvoice } from "./tasks/mail.ts";
import { fetchPage } from "./tasks/pages.ts";
import { partition, render, weekly } from "./tasks/reports.ts";
import { count, move, reserve } from "./tasks/stock.ts";

const HOUR = 3_600_000;

/** Ids of tasks that stand for a state, for programs that look at the fleet. */
export interface Marks {
  /** Each holds a lock that the other one waits for. */
  deadlock: [string, string];
  /** Runs for hours, with progress and a log. */
  running: string;
  /** Failed for good: an error of its own, a time limit, a killed child, a full disk on one host. */
  failed: { smtp: string; timeout: string; killed: string; disk: string };
  /** Waits for its next try. */
  backingOff: string;
  delayed: string;
  /** No host knows it. */
  blocked: string;
}

/** Places of the pools: how many of their tasks run at once. */
const POOLS: Readonly<Record<string, number>> = {
  default: 4,
  mail: 4,
  images: 3,
  reports: 3,
  stock: 4,
  gpu: 2,
  pages: 1,
  archive: 2,
};

export interface SceneOptions {
  /** Milliseconds until quito is told to drain. */
  drainAfter: number;
  signal: AbortSignal;
}

/** Brings about all that an operator may find; resolves when all of it can be seen. */
export async function play(mp: Context, { drainAfter, signal }: SceneOptions): Promise<Marks> {
  for (const [name, size] of Object.entries(POOLS)) {
    if (!(await mp.pools.create({ name, size }))) await mp.pools.resize(name, size);
  }
  await mp.pools.pause("archive");
  const [deadlock, running, failed, waiting] = await Promise.all([
    playDeadlock(mp, signal),
    playReports(mp, signal),
    playFailures(mp, signal),
    playWaiting(mp, signal),
    playExchange(mp, signal),
    playObjects(mp),
    playDrain(mp, { drainAfter, signal }),
  ]);
  return { deadlock, running, failed, ...waiting };
}

/** How many wait for lyon, for berlin and for the ledger. */
const LINES = [2, 2, 3];

/** Two moves in opposite directions, and what stands behind them. */
async function playDeadlock(mp: Context, signal: AbortSignal): Promise<[string, string]> {
  const counted = mp.event("stock/counted");
  await counted.clear();
  const pool = "stock";
  const moves = await Promise.all([
    mp.submit(move, [{ sku: "lamp", from: "lyon", to: "berlin", quantity: 4 }, counted], { pool }),
    mp.submit(move, [{ sku: "chair", from: "berlin", to: "lyon", quantity: 2 }, counted], { pool }),
  ]);
  const [lyon, berlin, ledger] = [mp.lock("stock/lyon"), mp.lock("stock/berlin"), mp.lock("ledger")];
  await until(async () => (await lyon.locked()) && (await berlin.locked()), signal);
  await counted.set();
  await mp.submit(closeLedger, ["2026-11-28", "lyon"], { pool, tags: ["closing"] });
  await mp.submit(count, ["berlin"], { pool });
  for (const sku of ["table", "sofa", "shelf", "mirror", "carpet", "vase"]) {
    await mp.submit(move, [{ sku, from: "lyon", to: "berlin", quantity: 1 }], { pool, tags: ["nightly"] });
  }
  await mp.submit(reserve, ["lamp", "lyon"]);
  await until(() => ledger.locked(), signal);
  await mp.submit(post, [1200, 12_431n]);
  await mp.submit(post, [1201, 9_007_199_254_740_993n], { tags: ["closing"] });
  // This program stands in line as well.
  void ledger.acquire({ signal }).catch(() => {});
  await until(async () => {
    const states = await Promise.all([lyon.inspect(), berlin.inspect(), ledger.inspect()]);
    return states.every(({ waiters }, index) => waiters.length >= (LINES[index] as number));
  }, signal);
  return [moves[0].id, moves[1].id];
}

/** A task that runs for hours and keeps others from a lock; one that is to run at night. */
async function playReports(mp: Context, signal: AbortSignal): Promise<string> {
  const pool = "reports";
  const running = await mp.submit(weekly, [48], {
    pool,
    jobId: `weekly-48-${Date.now().toString(36)}`,
    tags: ["weekly"],
  });
  const lock = mp.lock("reports/weekly");
  await until(() => lock.locked(), signal);
  await mp.submit(weekly, [49], { pool, tags: ["weekly"] });
  await until(async () => (await lock.inspect()).waiters.length > 0, signal);
  await until(async () => ((await running.show())?.progress ?? null) !== null, signal);
  return running.id;
}

/** Tasks that fail, each in another way. */
async function playFailures(mp: Context, signal: AbortSignal): Promise<Marks["failed"]> {
  const day = new Date(Date.now() - 24 * HOUR);
  const invoice = { invoice: 90_398, relay: "mail-2", to: "ada@example.org", password: "hunter2" };
  const [smtp, timeout, killed] = await Promise.all(
    [
      mp.submit(sendInvoice, [invoice], { pool: "mail", attempts: 1, tags: ["hourly"] }),
      mp.submit(partition, [day, "nantes", { part: 1 }], { pool: "reports", attempts: 1, timeout: 500 }),
      mp.submit(render, ["2026-11-28", "pdf"], { pool: "reports" }),
      mp.submit(partition, [day, "porto", { part: 2 }], { pool: "reports", attempts: 1, tags: ["nightly"] }),
      mp.submit(fetchPage, [3], { pool: "pages", priority: 1 }),
      mp.submit(post, [4711, 100n]),
    ].map(ended),
  );
  return { smtp, timeout, killed, disk: await failOnFullDisk(mp, signal) } as Marks["failed"];
}

async function ended(submission: Promise<TaskHandle<unknown>>): Promise<string> {
  const handle = await submission;
  await handle.get().catch(() => {});
  return handle.id;
}

/** Only one of the hosts has a full disk: tries until it was the one. */
async function failOnFullDisk(mp: Context, signal: AbortSignal): Promise<string> {
  for (let index = 0; !signal.aborted; index += 1) {
    const handles = await Promise.all(
      [1, 2, 3, 4].map((part) =>
        mp.submit(makeThumbnail, [`depot/${index}-${part}.jpg`, 320], { pool: "images", attempts: 1, lifo: true }),
      ),
    );
    const outcomes = await Promise.allSettled(handles.map((handle) => handle.get()));
    const failed = outcomes.findIndex(({ status }) => status === "rejected");
    const handle = handles[failed];
    if (handle) return handle.id;
  }
  throw signal.reason;
}

/** Tasks that do not run yet, each for another reason. */
async function playWaiting(
  mp: Context,
  signal: AbortSignal,
): Promise<Pick<Marks, "backingOff" | "delayed" | "blocked">> {
  const night = new Date();
  const delayed = await mp.submit(partition, [night, "lyon", { part: 7 }], {
    pool: "reports",
    delay: 2 * HOUR,
    tags: ["nightly"],
  });
  for (let invoice = 1; invoice <= 12; invoice += 1) await mp.submit(archive, [invoice], { pool: "archive" });
  const blocked = await mp.submit("invoice.sign", [90_398], { tags: ["legal"] });
  await mp.submit("invoice.sign", [90_399], { tags: ["legal"] });
  const invoice = { invoice: 90_409, relay: "mail-2", to: "bob@example.org", password: "hunter2" };
  const backingOff = await mp.submit(sendInvoice, [invoice], { pool: "mail", backoff: HOUR, tags: ["hourly"] });
  await until(async () => (await blocked.state()) === "blocked" && (await backingOff.state()) === "delayed", signal);
  return { backingOff: backingOff.id, delayed: delayed.id, blocked: blocked.id };
}

/** A tree of processes with a daemon in it, and one that has ended badly. */
async function playExchange(mp: Context, signal: AbortSignal): Promise<void> {
  const { ready } = exchange(mp);
  await ready.count();
  const supervising = mp.process(supervisor, { name: "exchange.supervisor", host: "oslo" });
  const auditing = mp.process(audit, { name: "exchange.audit", host: "lima" });
  await Promise.all([supervising.start(), auditing.start()]);
  await Promise.all([ready.wait({ signal }), auditing.join({ signal })]);
}

/** Objects that nothing waits for. */
async function playObjects(mp: Context): Promise<void> {
  const shop = mp.manager("shop");
  const stock = shop.dict<string, number>("stock");
  const skus = Array.from({ length: 1_204 }, (_, index): [string, number] => [`lyon/sku-${index}`, index % 40]);
  await stock.update(skus);
  const exports = mp.joinableQueue<{ file: string; rows: number }>("exports");
  if ((await exports.qsize()) === 0) {
    for (let file = 1; file <= 18; file += 1) await exports.put({ file: `export-${file}.csv`, rows: 100 * file });
  }
  await shop.namespace("settings").update({ currency: "EUR", warehouses: ["lyon", "berlin", "nantes", "porto"] });
}

/** The only host that knows the tasks of a pool is told to end, while it still has hours to do. */
async function playDrain(mp: Context, { drainAfter, signal }: SceneOptions): Promise<void> {
  const training = await mp.submit(train, [2_000], { pool: "gpu", tags: ["model"] });
  await until(async () => (await training.state()) === "active", signal);
  const drain = async () => {
    await mp.fleet.drain("quito", { grace: 24 * HOUR });
    for (let index = 1; index <= 20; index += 1) await mp.submit(embed, [`depot/${index}.jpg`], { pool: "gpu" });
  };
  if (drainAfter === 0) return drain();
  void pause(drainAfter, undefined, { signal, ref: false })
    .then(drain)
    .catch(() => {});
}

/** For what sends no signal: looks until it is so. */
async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + 150_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new TimeoutError(`the fleet is not as it should be: ${isSo}`);
    await pause(50, undefined, { signal });
  }
}
