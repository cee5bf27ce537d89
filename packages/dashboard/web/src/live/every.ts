import { currentSettings } from "../settings.ts";
import { live } from "./live.ts";

/** For a reading of what changes without an event: it is made again after this time, ms, unless the live view is paused. */
export function every(interval: number): { refetchInterval: () => number | false } {
  return {
    refetchInterval: () =>
      live.get().state === "paused" ? false : Math.max(interval, Number(currentSettings().refresh)),
  };
}
