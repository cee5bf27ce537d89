import { connect, type Logger } from "@manyhands/core";
import { addressesOf } from "./addresses.ts";
import { startOutside } from "./outside.ts";
import { type PlanMarks, playPlans } from "./plans.ts";
import { type Marks, play } from "./scenes.ts";
import { Traffic } from "./traffic.ts";

export interface FleetOptions {
  redis: string;
  namespace: string;
  /** Milliseconds until one of the hosts is told to drain. @defaultValue 0 */
  drainAfter?: number;
  /** Images that wait, at least. @defaultValue 30 */
  backlog?: number;
  /** Whether work goes on to be submitted. @defaultValue true */
  traffic?: boolean;
  /** Whether there are schedules, workflows and limits as well. @defaultValue true */
  plans?: boolean;
  /** @defaultValue warnings go to the console */
  logger?: Logger;
}

/** The program of a shop whose three hosts (`hosts.ts`) run. */
export interface BusyFleet extends AsyncDisposable {
  /** Resolves when everything that an operator may find can be seen. */
  readonly settled: Promise<Marks & { plan: PlanMarks | undefined }>;
  stop(): Promise<void>;
}

/** Keeps the hosts busy, and brings about what goes wrong in a fleet, until it is stopped. */
export async function startFleet(options: FleetOptions): Promise<BusyFleet> {
  const { redis, namespace, drainAfter = 0, backlog = 30, traffic = true, plans = true } = options;
  const stopping = new AbortController();
  const outside = await startOutside();
  const mp = await connect({
    redis,
    namespace,
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    // Of each pool; so that Redis does not grow with the time.
    keep: { completed: { count: 500 }, failed: { count: 300 } },
  });
  await addressesOf(mp).update([...outside.ports]);
  const { signal } = stopping;
  const planned = plans ? playPlans(mp, signal) : Promise.resolve(undefined);
  const settled = Promise.all([play(mp, { drainAfter, signal }), planned]).then(([marks, plan]) => ({
    ...marks,
    plan,
  }));
  settled.catch(() => {});
  const running = traffic ? new Traffic(mp, { backlog }) : undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    running?.stop();
    await mp.close({ timeout: 0 });
    await outside[Symbol.asyncDispose]();
  };
  let stopped: Promise<void> | undefined;
  const stopOnce = (): Promise<void> => (stopped ??= stop());
  return { settled, stop: stopOnce, [Symbol.asyncDispose]: stopOnce };
}
