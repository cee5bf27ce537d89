import type { Milliseconds } from "./milliseconds.ts";

/** Four bins for each doubling: a percentile that is read from them is right to 9 %. */
const BINS_PER_DOUBLING = 4;
/** Everything below 1 ms. */
export const LEAST_BIN = -1;
/** What a duration of that bin counts as, ms. */
const BELOW_ALL: Milliseconds = 0.5;
/** About 36 days and all above. */
export const LARGEST_BIN = 126;

/** Bin of a duration: floor(4 log2(ms)). */
export function binOf(duration: Milliseconds): number {
  if (!(duration >= 1)) return LEAST_BIN;
  return Math.min(LARGEST_BIN, Math.floor(BINS_PER_DOUBLING * Math.log2(duration)));
}

/** Where a bin begins, ms. */
export function binStart(bin: number): Milliseconds {
  return bin <= LEAST_BIN ? 0 : 2 ** (bin / BINS_PER_DOUBLING);
}

/** A histogram of durations, in a fixed number of bins. */
export class DurationBins {
  /** Bin -> how many durations fell into it. */
  readonly counts: Map<number, number> = new Map();
  /** All durations together, microseconds. */
  micros = 0;

  /** @param count - How many of that duration. */
  add(duration: Milliseconds, count = 1): void {
    this.addBin(binOf(duration), count);
    this.micros += Math.round(Math.max(0, duration) * 1000) * count;
  }

  addBin(bin: number, count: number): void {
    this.counts.set(bin, (this.counts.get(bin) ?? 0) + count);
  }

  merge(other: DurationBins): void {
    for (const [bin, count] of other.counts) this.addBin(bin, count);
    this.micros += other.micros;
  }

  get count(): number {
    let count = 0;
    for (const one of this.counts.values()) count += one;
    return count;
  }

  /** How many were shorter than that; right where a bin begins there, such as at a power of 2. */
  countBelow(duration: Milliseconds): number {
    let count = 0;
    for (const [bin, one] of this.counts) if (binStart(bin) < duration) count += one;
    return count;
  }

  /** Duration that this part of all did not exceed, ms; null when there is none. @param part - 0.95 = the 95th percentile. */
  percentile(part: number): Milliseconds | null {
    const rank = part * this.count;
    let below = 0;
    for (const bin of [...this.counts.keys()].sort((left, right) => left - right)) {
      const inBin = this.counts.get(bin) ?? 0;
      if (inBin > 0 && below + inBin >= rank) {
        return bin <= LEAST_BIN ? BELOW_ALL : 2 ** ((bin + 0.5) / BINS_PER_DOUBLING);
      }
      below += inBin;
    }
    return null;
  }
}
