import { setTimeout as pause } from "node:timers/promises";
import { type Context, chain, chord, group, signature, type TaskHandle } from "@manyhands/core";
import { syncCatalogs } from "./tasks/catalog.ts";
import { addUp, partition } from "./tasks/reports.ts";
import { reserve } from "./tasks/stock.ts";

/** Ids of workflows that stand for a state. */
export interface PlanMarks {
  completed: string;
  failed: string;
  /** A step of it has no host. */
  blocked: string;
  running: string;
}

const POOL = "catalogs";
const SIZE = 6;
/** Parts of the report of a year, which take a quarter of an hour. */
const PARTS = 2_000;

/** Brings about schedules, workflows and limits, and waits until all of them can be seen. */
export async function playPlans(mp: Context, signal: AbortSignal): Promise<PlanMarks> {
  if (!(await mp.pools.create({ name: POOL, size: SIZE }))) await mp.pools.resize(POOL, SIZE);
  await mp.schedules.set("catalog-sync", syncCatalogs, [], { every: 60_000, overlap: "skip" });
  await mp.schedules.run("catalog-sync");
  // The lock of lyon is part of a deadlock: each run fails.
  await mp.schedules.set("reserve-probe", reserve, ["lamp", "lyon"], { every: 20_000, attempts: 1, tags: ["probe"] });
  await mp.schedules.set("nightly-report", partition, [new Date(), "berlin", { part: 1 }], {
    cron: "0 2 * * *",
    timeZone: "Europe/Berlin",
    jitter: 60_000,
  });
  await mp.schedules.set("stock-count", "stock.count", ["porto"], { cron: "30 6 * * mon" });
  await mp.schedules.pause("stock-count");
  const { completed, failed, blocked } = await playWorkflows(mp);
  await Promise.allSettled([completed.get({ signal }), failed.get({ signal })]);
  await until(async () => (await blocked.tree())?.steps.completed === 1, signal);
  const running = await mp.submit(yearly(new Date()), { pool: POOL, tags: ["yearly"] });
  return { completed: completed.id, failed: failed.id, blocked: blocked.id, running: running.id };
}

async function playWorkflows(mp: Context): Promise<Record<Exclude<keyof PlanMarks, "running">, TaskHandle<unknown>>> {
  const day = new Date();
  const parts = (warehouses: readonly string[]) =>
    warehouses.map((warehouse, index) => partition.with(day, warehouse, { part: index + 1 }));
  const tags = ["nightly"];
  const pool = POOL;
  const sum = addUp.with();
  const sign = signature("invoice.sign", [90_401]).immutable();
  return {
    completed: await mp.submit(chord(group(parts(["lyon", "berlin", "lisbon"])), sum), { pool, tags }),
    failed: await mp.submit(chord(group(parts(["lyon", "porto", "berlin"])), sum), { pool, tags }),
    blocked: await mp.submit(chain(partition.with(day, "lyon", { part: 1 }), sign), { pool, tags: ["legal"] }),
  };
}

function yearly(day: Date) {
  const warehouses = ["lyon", "berlin", "lisbon"];
  const parts = Array.from({ length: PARTS }, (_, index) =>
    partition.with(day, warehouses[index % warehouses.length] ?? "", { part: index + 1 }),
  );
  return chord(group(parts), addUp.with());
}

async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isSo())) await pause(100, undefined, { signal });
}
