import { randomBytes } from "node:crypto";
import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { readRecord, type StoredSchedule } from "./read-schedule.ts";
import { removeSchedule, setSchedule } from "./schedule-scripts.ts";
import { type DueTime, nextDue, type ScheduleSpec } from "./schedule-spec.ts";

/** A version of a file of schedules. */
export interface FileVersion {
  /** Name of the file. */
  file: string;
  digest: string;
}

/** What became of a schedule that was to be stored. */
export type Stored = "set" | "same" | "never due" | "superseded" | "owned";

/**
 * Makes a schedule, or changes the one of that name.
 * @param schedule.version - The file that sets it: one that is over by now is stored as such then. null = it is set by hand.
 */
export async function storeSchedule(
  { client, keys }: { client: RedisClient; keys: Keys },
  { name, spec, version }: { name: string; spec: ScheduleSpec; version: FileVersion | null },
): Promise<Stored> {
  const text = JSON.stringify(spec);
  while (true) {
    const record = await readRecord(client, keys, name);
    const known = record.spec === null ? null : record;
    const now = await serverTime(client);
    const isOwned = version === null || known?.file === version.file;
    if (known && isOwned && JSON.stringify(known.spec) === text) return "same";
    const isSameGrid = known !== null && known.spec.every === spec.every && known.spec.from === spec.from;
    const anchor = isSameGrid ? known.anchor : (spec.from ?? now);
    const next = pendingDue(known, spec, now) ?? nextDue(spec, name, { after: now, anchor });
    if (next === null && version === null) return "never due";
    const isOver = next === null || (known !== null && isAtLimit({ ...known, spec }));
    const outcome = await setSchedule.run(
      client,
      [keys.schedules, keys.schedule(name), keys.control, keys.scheduleFile(version?.file ?? "")],
      [
        ...[name, record.version, newVersion(), text, anchor],
        ...(isOver ? ["", ""] : [next.due, next.at]),
        ...[version?.file ?? "", version?.digest ?? "", keys.scheduleFile(""), record.due],
      ],
    );
    if (outcome !== "changed") return outcome;
  }
}

/** Removes a schedule. @param version - The version of its file that names it no longer. */
export async function dropSchedule(
  { client, keys }: { client: RedisClient; keys: Keys },
  name: string,
  version: FileVersion | null = null,
): Promise<boolean> {
  const parts = [keys.schedule(name), keys.scheduleRuns(name), keys.scheduleQueue(name), keys.queuedSchedules];
  const file = version?.file ?? "";
  const removed = await removeSchedule.run(
    client,
    [keys.schedules, ...parts, keys.scheduleFile(file)],
    [name, file, version?.digest ?? ""],
  );
  return removed > 0;
}

/** A due time that has come, and that no host has seen to yet: it stays when only other things are changed. */
function pendingDue(known: StoredSchedule | null, spec: ScheduleSpec, now: number): DueTime | null {
  if (known === null || known.state !== "active" || known.due === "") return null;
  const due = Number(known.due);
  if (due > now || (spec.until !== null && due > spec.until)) return null;
  const isSame = (["cron", "every", "timeZone", "from"] as const).every((part) => known.spec[part] === spec[part]);
  return isSame ? { due, at: known.at ?? due } : null;
}

/** Runs that were started by hand do not count. */
export function isAtLimit({ spec: { limit }, runs, manual }: StoredSchedule): boolean {
  return limit !== null && runs - manual >= limit;
}

export function newVersion(): string {
  return randomBytes(8).toString("hex");
}
