import type { Redis } from "ioredis";

/** What one run has cost. */
export interface Run {
  /** From the call to its answer that Redis has it, and to the last result, ms. */
  submitted: number;
  ended: number;
  /** Longest command or script, µs. */
  longest: number;
}

/** A way to have a graph of tasks run by 50 slots of a host in this process, which is there before. */
export interface Contender {
  name: string;
  /** So many parts, then their sum. */
  group: (parts: number) => Promise<{ submitted: number; result: Promise<unknown> }>;
  /** So many steps, each with the result of the one before. */
  chain: (steps: number) => Promise<{ submitted: number; result: Promise<unknown> }>;
  /** Nothing is taken, for the bytes that wait. */
  pause: () => Promise<void>;
  close: () => Promise<void>;
}

/** Runs it once, and looks at the longest script. */
export async function timed(
  client: Redis,
  start: () => Promise<{ submitted: number; result: Promise<unknown> }>,
  expected: unknown,
): Promise<Run> {
  await client.call("SLOWLOG", "RESET");
  const begin = performance.now();
  const { submitted, result } = await start();
  const value = await result;
  const ended = performance.now() - begin;
  if (value !== expected) throw new Error(`expected ${expected}, got ${JSON.stringify(value)}`);
  const entries = (await client.call("SLOWLOG", "GET", "-1")) as [id: number, at: number, micros: number][];
  return { submitted, ended, longest: Math.max(0, ...entries.map(([, , micros]) => micros)) };
}
