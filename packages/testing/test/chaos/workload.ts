import { type Pool, WorkerLostError } from "@manyhands/core";
import { derive, derived } from "./fixtures/chaos-tasks.ts";

/** What came of a workload. */
export interface Tally {
  /** Calls for which something came back, and how often. */
  readonly seen: Map<number, number>;
  readonly wrong: string[];
  /** Messages of calls that were lost with their child. */
  readonly lost: string[];
  /** Messages of anything else. */
  readonly failed: string[];
}

const PATIENT = { attempts: 20, backoff: 50 } as const;

/**
 * Runs `calls` calls in all the ways there are: single ones with attempts, ones that share jobs and have no second try,
 * a map in chunks and an imap. Each argument is used once.
 */
export async function runWorkload(pool: Pool, calls: number, inFlight: number): Promise<Tally> {
  const tally: Tally = { seen: new Map(), wrong: [], lost: [], failed: [] };
  const quarter = Math.floor(calls / 4);
  const range = (part: number): number[] => Array.from({ length: quarter }, (_, index) => part * quarter + index);
  await Promise.all([
    withAttempts(pool, range(0), { tally, inFlight }),
    sharingJobs(pool, range(1), { tally, inFlight }),
    mapped(pool, range(2), tally),
    iterated(pool, range(3), tally),
  ]);
  return tally;
}

function take(tally: Tally, x: number, value: unknown): void {
  tally.seen.set(x, (tally.seen.get(x) ?? 0) + 1);
  if (value !== derived(x)) tally.wrong.push(`${x} gave ${JSON.stringify(value)}`);
}

function fail(tally: Tally, x: number, error: unknown): void {
  tally.seen.set(x, (tally.seen.get(x) ?? 0) + 1);
  const list = error instanceof WorkerLostError ? tally.lost : tally.failed;
  list.push(error instanceof Error ? error.message : String(error));
}

interface Flow {
  tally: Tally;
  inFlight: number;
}

async function withAttempts(pool: Pool, calls: number[], { tally, inFlight }: Flow): Promise<void> {
  const left = [...calls];
  const lane = async (): Promise<void> => {
    for (let x = left.pop(); x !== undefined; x = left.pop()) {
      try {
        take(tally, x, await pool.apply(derive, [x], PATIENT));
      } catch (error) {
        tally.failed.push(`${x} has attempts: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** Counted in the callbacks: these must run once for each call. */
async function sharingJobs(pool: Pool, calls: number[], { tally, inFlight }: Flow): Promise<void> {
  for (let from = 0; from < calls.length; from += inFlight) {
    const batch = calls.slice(from, from + inFlight).map((x) =>
      pool.applyAsync(derive, [x], {
        callback: (value) => take(tally, x, value),
        errorCallback: (error) => fail(tally, x, error),
      }),
    );
    await Promise.all(batch.map((result) => result.wait()));
  }
}

async function mapped(pool: Pool, calls: number[], tally: Tally): Promise<void> {
  const values = await pool.map(derive, calls, { chunkSize: 5, ...PATIENT });
  for (const [index, value] of values.entries()) take(tally, calls[index] as number, value);
}

async function iterated(pool: Pool, calls: number[], tally: Tally): Promise<void> {
  let index = 0;
  for await (const value of pool.imap(derive, calls, { chunkSize: 3, bufferSize: 60, ...PATIENT })) {
    take(tally, calls[index] as number, value);
    index += 1;
  }
}
