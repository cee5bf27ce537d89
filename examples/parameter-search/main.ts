/*
The Python sample:

    with Pool() as pool:
        for parameters, loss in pool.imap_unordered(train, grid):
            if loss < good_enough:
                pool.terminate()                     # the rest is not needed
                break
*/
import type { AsyncResult } from "@manyhands/core";
import { stage, verify, verifySpread } from "../stage.ts";
import { lossOf, type Parameters, train } from "./tasks.ts";

const GOOD_ENOUGH = 0.05;

type Trained = Awaited<ReturnType<typeof train>>;

await stage(async (mp) => {
  const grid = shuffled(gridOf(16, 12));
  const hosts = await mp.hosts();
  console.log(`searching ${grid.length} points on ${hosts.length} hosts, until the loss is below ${GOOD_ENOUGH}`);
  await using pool = mp.pool();
  const results = grid.map((point) => pool.applyAsync(train, [point]));

  const seen: Trained[] = [];
  for await (const result of mp.asCompleted(results, { timeout: 60_000 })) {
    const run = await result.get();
    seen.push(run);
    const { loss, parameters } = run.value;
    if (loss >= GOOD_ENOUGH) continue;
    console.log(`  found after ${seen.length}: rate ${parameters.rate}, momentum ${parameters.momentum}, loss ${loss}`);
    break;
  }

  // The rest is not needed: what waits is withdrawn, what runs is stopped.
  const cancelled = await cancelOthers(results, seen.length);
  const best = seen.map(({ value }) => value).sort((left, right) => left.loss - right.loss)[0];
  verify(best !== undefined && best.loss < GOOD_ENOUGH, `the loss ${best?.loss} is good enough`);
  verify(best !== undefined && best.loss === lossOf(best.parameters), "it is the one that its parameters have");
  verify(seen.length < grid.length / 2, `${seen.length} of ${grid.length} points were needed`);
  verify(
    cancelled >= grid.length / 4,
    `${cancelled} were cancelled, ${grid.length - seen.length - cancelled} had ended`,
  );
  await verifySpread(mp, seen);
});

/** A grid around the best point, which is rate 0.01 and momentum 0.9. */
function gridOf(rates: number, momenta: number): Parameters[] {
  return Array.from({ length: rates * momenta }, (_, index) => ({
    rate: Number((10 ** (-5 + (5 * (index % rates)) / (rates - 1))).toPrecision(3)),
    momentum: Number((0.35 + (0.65 * Math.floor(index / rates)) / (momenta - 1)).toFixed(3)),
  }));
}

/** In the same order each time, with no good point among the first or the last ones. */
function shuffled(grid: readonly Parameters[]): Parameters[] {
  const keyed = grid.map((point, index) => ({ point, key: (index * 7_919 + 13) % 1_009 }));
  const order = keyed.sort((left, right) => left.key - right.key).map(({ point }) => point);
  const isGood = (point: Parameters): boolean => lossOf(point) < GOOD_ENOUGH;
  const others = order.filter((point) => !isGood(point));
  return [...others.slice(0, 30), ...order.filter(isGood), ...others.slice(30)];
}

/** @returns how many ended as cancelled */
async function cancelOthers(results: readonly AsyncResult<Trained>[], done: number): Promise<number> {
  await Promise.all(results.map((result) => result.cancel("a good point is found")));
  const ends = await Promise.allSettled(results.map((result) => result.get({ timeout: 30_000 })));
  const finished = ends.filter(({ status }) => status === "fulfilled").length;
  console.log(`  ${finished} ended, ${done} of them before the good one was seen`);
  return ends.filter((end) => end.status === "rejected" && end.reason?.name === "CancelledError").length;
}
