/**
 * The layout of the task index, which finds tasks by pool, task, tag, host and state: `docs/decisions/task-index.md`.
 *
 * Every task has a number, which rises. For each {@link CHUNK} numbers and each value that occurs among them there is a
 * *container*: the set of the numbers that have the value. It is sparse (a Redis set of integers) up to
 * {@link MOST_SPARSE} members, and a bitmap above. The numbers of a {@link BUCKET} share a list with one record for each.
 */

/** Numbers of one container. */
export const CHUNK = 65_536;
/** Numbers of one list of records. Their values get into containers when the bucket is full. */
export const BUCKET = 128;
/** Members of a sparse container; Redis keeps a set of so many small integers as an array. */
export const MOST_SPARSE = 512;
/** Members of a sparse container are the offset in the chunk minus this, so that Redis stores 2 bytes for each. */
export const SPARSE_ZERO = 32_768;
/** Bytes of a full bitmap. */
export const BITMAP_BYTES: number = CHUNK / 8;
/** Of so many numbers, one has its time of submission noted. */
export const TIME_STEP = 1_024;
/** Version of the layout. */
export const INDEX_FORMAT = 1;

/** Most tags of a task, and the most bytes of one: each value costs a container. */
export const MOST_TAGS = 16;
export const LONGEST_TAG = 64;

/**
 * What a container is about: `p` pool, `t` task, `g` tag, `h` host (always a bitmap; the text before the `/` of the job's
 * field `pb`), `e` group of errors.
 */
export type ValueKind = "p" | "t" | "g" | "h" | "e";

/**
 * States that are written, each a bitmap `s=<state>`. A task without any of them waits or is active, which BullMQ's lists
 * tell.
 *
 * - `completed`, `failed`, `cancelled`: how it ended; none while it waits again after a retry.
 * - `delayed`: it is in BullMQ's `delayed`, and no limit holds it back.
 * - `prioritized`: it has a priority, also when it is active or has ended.
 * - `gone`: it was removed; all other bits of it stay as they were.
 */
export const INDEX_STATES = ["completed", "failed", "cancelled", "delayed", "prioritized", "gone"] as const;
export type IndexState = (typeof INDEX_STATES)[number];

/** Field of a job's hash: its number. A record whose number is not the job's is of an earlier job of the same id. */
export const JOB_NUMBER_FIELD = "n";

export const chunkOf = (n: number): number => Math.floor(n / CHUNK);
export const bucketOf = (n: number): number => Math.floor(n / BUCKET);
/** Position within a container. */
export const offsetOf = (n: number): number => n % CHUNK;

/** What the index keeps of a task beside its states. */
export interface IndexRecord {
  pool: string;
  id: string;
  task: string;
  tags: string[];
}

/** @returns null for a place without a task */
export function parseRecord(text: string): IndexRecord | null {
  const [pool, id, ...rest] = text.split("\n");
  const tags = rest.pop();
  if (pool === undefined || id === undefined || tags === undefined || rest.length === 0) return null;
  return { pool, id, task: rest.join("\n"), tags: tags === "" ? [] : (JSON.parse(`[${tags}]`) as string[]) };
}
