import { ValueError } from "../../errors/index.ts";

/**
 * Python's rule for `map`: four chunks per worker, rounded up (PL5).
 * @param length - Number of items.
 * @param workers - Calls that can run at once.
 */
export function defaultChunkSize(length: number, workers: number): number {
  return Math.max(1, Math.ceil(length / (Math.max(1, workers) * 4)));
}

/** @throws ValueError unless it is a whole number from 1 (PL5) */
export function checkChunkSize(chunkSize: number | undefined): void {
  if (chunkSize === undefined) return;
  if (!Number.isInteger(chunkSize) || chunkSize < 1) {
    throw new ValueError(`chunkSize must be a whole number from 1; got ${String(chunkSize)}`);
  }
}
