import { type Context, connect, currentTask } from "@manyhands/core";

/** Where and when one call ran. Wall clock in ms: the demos' hosts share one machine's clock. */
export interface Run {
  host: string;
  pid: number;
  started: number;
  ended: number;
}

/** Inside a task: notes where it runs, while `body` does the work. */
export async function noted<Value>(body: () => Value | Promise<Value>): Promise<Run & { value: Value }> {
  const { host, pid } = currentTask();
  const started = Date.now();
  const value = await body();
  return { value, host, pid, started, ended: Date.now() };
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A demo's main part: connects, runs, and turns a wrong outcome into exit code 1. */
export async function stage(body: (mp: Context) => Promise<void>): Promise<void> {
  const mp = await connect();
  try {
    await body(mp);
  } catch (error) {
    console.error(error instanceof WrongOutcome ? `WRONG: ${error.message}` : error);
    process.exitCode = 1;
  } finally {
    await mp.close();
  }
}

class WrongOutcome extends Error {}

/** Ends the demo with exit code 1 unless the condition holds; says what was verified when it does. */
export function verify(condition: boolean, claim: string): void {
  if (!condition) throw new WrongOutcome(claim);
  console.log(`  verified: ${claim}`);
}

/** Prints how many calls each host and process ran, and verifies that the work was spread over the live hosts. */
export async function verifySpread(mp: Context, runs: readonly Run[]): Promise<void> {
  const places = new Map<string, number>();
  for (const { host, pid } of runs) places.set(`${host} pid ${pid}`, (places.get(`${host} pid ${pid}`) ?? 0) + 1);
  for (const [place, count] of [...places].sort()) console.log(`  ran on ${place}: ${count}`);
  const wanted = Math.min(2, (await mp.hosts()).length);
  const hosts = new Set(runs.map((run) => run.host));
  verify(hosts.size >= wanted, `the calls ran on ${hosts.size} hosts`);
}

/** The most runs that were under way at the same moment. */
export function mostAtOnce(runs: readonly Run[]): number {
  const steps = runs.flatMap(({ started, ended }) => [
    { at: started, change: 1 },
    { at: ended, change: -1 },
  ]);
  steps.sort((left, right) => left.at - right.at || left.change - right.change);
  let now = 0;
  let most = 0;
  for (const { change } of steps) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}
