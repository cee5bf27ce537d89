import { clockTime, duration, exactTime, moment, wholeDuration } from "../format/times.ts";
import { useNow } from "../live/clock.ts";
import { useSettings } from "../settings.ts";
import { useWords } from "../words/index.ts";

/** How long ago something was, or how long it lasts until then; the exact time is in the title. */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  const { common } = useWords();
  useSettings();
  const distance = now - at;
  return (
    <time className="ago" dateTime={new Date(at).toISOString()} title={exactTime(at)}>
      {distance >= 0 ? common.ago(wholeDuration(distance)) : common.inFuture(wholeDuration(-distance))}
    </time>
  );
}

/** How long something lasts since a moment. */
export function Lasting({ since }: { since: number }) {
  const now = useNow();
  useSettings();
  return (
    <time dateTime={new Date(since).toISOString()} title={exactTime(since)}>
      {wholeDuration(now - since)}
    </time>
  );
}

/** A moment as the time of day; with its day when that is not today. */
export function Moment({ at, seconds = false }: { at: number; seconds?: boolean }) {
  const now = useNow();
  useSettings();
  return (
    <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
      {seconds ? clockTime(at) : moment(at, now)}
    </time>
  );
}

/** A duration in ms. */
export function Duration({ ms }: { ms: number }) {
  return <span className="nowrap">{duration(ms)}</span>;
}
