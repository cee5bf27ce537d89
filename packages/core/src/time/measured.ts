import { shared } from "../package/index.ts";
import { DurationBins } from "./duration-bins.ts";
import type { Milliseconds } from "./milliseconds.ts";

/**
 * What a program measures of itself beside its tasks: how long it waited for a lock, how late its leases were renewed, how
 * long Redis took to answer.
 */
export const MEASURES = ["lockWait", "leaseLag", "redisRoundTrip"] as const;
export type Measure = (typeof MEASURES)[number];

/** Durations as they pass between processes: bin -> count, and all together in microseconds. */
export interface BinsMessage {
  bins: [bin: number, count: number][];
  micros: number;
}

interface Measured {
  bins: Map<Measure, DurationBins>;
  onFirst: (() => void) | undefined;
}

/** Once per process: what is loaded twice adds to the same. Bounded: a few bins for each measure. */
const measured = shared<Measured>("manyhands measured", () => ({ bins: new Map(), onFirst: undefined }));

export function measure(what: Measure, duration: Milliseconds): void {
  const isFirst = measured.bins.size === 0;
  const bins = measured.bins.get(what) ?? new DurationBins();
  measured.bins.set(what, bins);
  bins.add(duration);
  if (isFirst) measured.onFirst?.();
}

/** All since the last call. */
export function takeMeasured(): Map<Measure, DurationBins> {
  const taken = measured.bins;
  measured.bins = new Map();
  return taken;
}

/** Calls `listener` with the first that is measured after each {@link takeMeasured}. One listener a process. */
export function onMeasured(listener: (() => void) | undefined): void {
  measured.onFirst = listener;
}

export function toBinsMessage(bins: DurationBins): BinsMessage {
  return { bins: [...bins.counts], micros: bins.micros };
}
