import { type Context, connect, currentTask, type Process, type Queue } from "@manyhands/core";

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

/** Inside a task or a process: a prefix for its output that says where it runs. */
export function here(): string {
  const { host, pid } = currentTask();
  return `${host} pid ${pid}`;
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

/** Prints what was verified if the condition holds; otherwise ends the demo with exit code 1. */
export function verify(condition: boolean, claim: string): void {
  if (!condition) throw new WrongOutcome(claim);
  console.log(`  verified: ${claim}`);
}

/** Two hosts to place processes on; the same one twice where only one is alive. */
export async function twoHosts(mp: Context): Promise<[left: string, right: string]> {
  const names = (await mp.hosts()).map((host) => host.name).sort();
  const [left] = names;
  if (left === undefined) throw new WrongOutcome("there is a worker host");
  return [left, names.at(-1) ?? left];
}

/** Verifies that processes ended well, on at least two hosts. */
export async function verifyEnds(mp: Context, processes: readonly Process[]): Promise<void> {
  const failed = processes.filter((process) => process.exitcode !== 0);
  for (const { name, exitcode, lost } of failed)
    console.log(`  ${lost?.message ?? `${name} ended with exit code ${exitcode}`}`);
  verify(failed.length === 0, `all ${processes.length} processes ended with exit code 0`);
  await verifySpread(mp, processes);
}

/** Takes so many items: what processes have to tell, since they return nothing. */
export async function takeFrom<Item>(queue: Queue<Item>, count: number): Promise<Item[]> {
  const items: Item[] = [];
  while (items.length < count) items.push(await queue.get({ timeout: 20_000 }));
  return items;
}

/** Prints in which processes of which hosts the calls ran, and verifies that they were spread over the live hosts. */
export async function verifySpread(mp: Context, runs: readonly Pick<Run | Process, "host" | "pid">[]): Promise<void> {
  const hosts = Map.groupBy(runs, (run) => run.host);
  for (const [host, there] of [...hosts].sort()) {
    const pids = new Set(there.map((run) => run.pid));
    console.log(`  ${there.length} ran on ${host}, in pid ${[...pids].join(", ")}`);
  }
  const wanted = Math.min(2, (await mp.hosts()).length);
  verify(hosts.size >= wanted, `they ran on ${hosts.size} ${hosts.size === 1 ? "host" : "hosts"}`);
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
