/**
 * One of the processes that want a lock. It is told through IPC which library to use, and does one thing at a time:
 * `open`, then `contend` or `pairs`, then `close`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Contention, Request } from "./contention.ts";
import { type MeasuredLock, openLock } from "./locks.ts";

/** Between warming up and what is measured, so that everybody begins then, ms. */
const PAUSE = 300;

let lock: MeasuredLock | undefined;

process.on("message", (request: Request) => {
  run(request).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? (error.stack ?? "") : String(error) }),
  );
});
process.on("disconnect", () => process.exit());

async function run(request: Request): Promise<Contention | number> {
  if (request.do === "open") {
    lock = await openLock(request.kind, request.url, request.name);
    return 0;
  }
  if (!lock) throw new Error(`asked to ${request.do} before a lock was opened`);
  if (request.do === "pairs") return pairs(lock, request.milliseconds);
  if (request.do === "contend") return contend(lock, request);
  await lock.close();
  lock = undefined;
  return 0;
}

/** Acquires and releases per second, one after another. */
async function pairs(mine: MeasuredLock, milliseconds: number): Promise<number> {
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < milliseconds) {
    await mine.acquire();
    await mine.release();
    count += 1;
  }
  return count / ((performance.now() - begin) / 1_000);
}

async function contend(
  mine: MeasuredLock,
  times: { startAt: number; warmUp: number; milliseconds: number; section: number },
): Promise<Contention> {
  const seen: Contention = { waits: [], sections: [], fences: [], errors: [] };
  const begin = times.startAt + times.warmUp;
  await sleep(times.startAt - now());
  while (now() < begin - PAUSE)
    await mine
      .acquire()
      .then(mine.release)
      .catch(() => {});
  await sleep(Math.max(0, begin - now()));
  const end = now() + times.milliseconds;
  while (now() < end) {
    const asked = now();
    try {
      const fence = await mine.acquire();
      const from = now();
      seen.waits.push(from - asked);
      if (times.section > 0) await sleep(times.section);
      seen.sections.push([from, now()]);
      if (fence !== null) seen.fences.push(fence);
      await mine.release();
    } catch (error) {
      // A try that gave up has waited as well.
      seen.waits.push(now() - asked);
      seen.errors.push(String(error));
    }
  }
  return seen;
}

/** Milliseconds on CLOCK_MONOTONIC, the same in every process of the machine. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
