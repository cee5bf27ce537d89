import type { Pool } from "@manyhands/core";
import { type ErrorView, originOf, viewError } from "@manyhands/core/internal";
import { UsageError } from "../../failure/usage-error.ts";
import type { Item } from "./item-source.ts";

/** What became of a line, or of the lines of a chunk that failed together. */
export type MapOutcome =
  | { ok: true; line: number; value: unknown }
  | { ok: false; lines: readonly number[]; message: string; error: ErrorView };

export interface MapJob {
  pool: Pool;
  task: string;
  items: AsyncGenerator<Item>;
  chunkSize: number;
  /** The key that limits count each chunk under; undefined = as limits compute it. */
  limitKey: string | undefined;
}

/** Most lines that are under way. */
const BUFFER = 1_000;

/** Outcomes in the order of the lines. @throws UsageError after the outcomes of the lines before a bad one */
export async function* orderedOutcomes({ pool, task, items, chunkSize, limitKey }: MapJob): AsyncGenerator<MapOutcome> {
  const numbers: number[] = [];
  async function* values(): AsyncGenerator<unknown> {
    for await (const { line, value } of items) {
      numbers.push(line);
      yield value;
    }
  }
  const results = pool.imap(task, values(), { chunkSize, limitKey, bufferSize: Math.max(BUFFER, 2 * chunkSize) });
  try {
    for (;;) {
      let step: IteratorResult<unknown, undefined>;
      try {
        step = await results.next();
      } catch (error) {
        if (error instanceof UsageError) throw error;
        // Chunks are cut one after another, so the failed one begins at the next line that has no outcome.
        yield failure(error, numbers.splice(0, chunkSize));
        continue;
      }
      if (step.done) return;
      yield { ok: true, line: numbers.shift() ?? 0, value: step.value };
    }
  } finally {
    await results.return();
  }
}

/** Outcomes as they come. @throws UsageError at a bad line, after the outcomes of the lines before it */
export async function* unorderedOutcomes(job: MapJob): AsyncGenerator<MapOutcome> {
  const ready: MapOutcome[] = [];
  let underWay = 0;
  let input = "idle" as "idle" | "reading" | "ended" | { error: unknown };
  let wake = (): void => {};
  const send = async (chunk: Item[]): Promise<void> => {
    underWay += chunk.length;
    ready.push(...(await runChunk(job, chunk)));
    underWay -= chunk.length;
    wake();
  };
  const read = async (): Promise<void> => {
    input = "reading";
    const { chunk, end } = await readChunk(job);
    if (chunk.length > 0) void send(chunk);
    input = end ?? "idle";
    wake();
  };
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (input === "idle" && underWay < Math.max(BUFFER, job.chunkSize)) void read();
    while (ready.length > 0) yield ready.shift() as MapOutcome;
    const ended = input === "ended" || typeof input === "object";
    if (ended && underWay === 0 && ready.length === 0) break;
    await changed;
  }
  if (typeof input === "object") throw (input as { error: unknown }).error;
}

/** As many lines as make one job; `end` tells that the input has no more, or why it cannot be read. */
async function readChunk({ items, chunkSize }: MapJob): Promise<{ chunk: Item[]; end?: "ended" | { error: unknown } }> {
  const chunk: Item[] = [];
  try {
    while (chunk.length < chunkSize) {
      const step = await items.next();
      if (step.done) return { chunk, end: "ended" };
      chunk.push(step.value);
    }
  } catch (error) {
    return { chunk, end: { error } };
  }
  return { chunk };
}

async function runChunk({ pool, task, chunkSize, limitKey }: MapJob, chunk: Item[]): Promise<MapOutcome[]> {
  const values = chunk.map((item) => item.value);
  try {
    const results = await pool.map(task, values, { chunkSize, limitKey });
    return results.map((value, index) => ({ ok: true, line: chunk[index]?.line ?? 0, value }));
  } catch (error) {
    return [
      failure(
        error,
        chunk.map((item) => item.line),
      ),
    ];
  }
}

function failure(error: unknown, lines: readonly number[]): MapOutcome {
  const [first, last] = [lines[0], lines.at(-1)];
  const which = first === last ? `line ${first}` : `lines ${first} to ${last} (one chunk)`;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const origin = typeof error === "object" && error !== null ? originOf(error) : undefined;
  const where = origin ? ` (on ${origin.host}, pid ${origin.pid})` : "";
  return { ok: false, lines, message: `${which} failed: ${text}${where}`, error: viewError(error) };
}
