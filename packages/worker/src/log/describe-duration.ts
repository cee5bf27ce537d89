import type { Milliseconds } from "@manyhands/core/internal";

/** `12 ms`, `1.4 s` */
export function describeDuration(duration: Milliseconds): string {
  if (duration === Number.POSITIVE_INFINITY) return "as long as it takes";
  return duration < 1_000 ? `${Math.round(duration)} ms` : `${(duration / 1_000).toFixed(1)} s`;
}
