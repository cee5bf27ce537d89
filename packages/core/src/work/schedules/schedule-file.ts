import { createHash } from "node:crypto";
import { ManyhandsError, ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { callData } from "../submission/call-data.ts";
import { toSubmitted } from "../submission/index.ts";
import { toDefined } from "./define-schedules.ts";
import { claimFile, fileApplied } from "./schedule-scripts.ts";
import { assertScheduleName, nextDue, type ScheduleSpec, toSpec } from "./schedule-spec.ts";
import { dropSchedule, type FileVersion, storeSchedule } from "./store-schedule.ts";

/** A file of schedules as it was read: plain data. */
export interface ScheduleFile {
  /** The name that it gives itself; null = none. */
  file: string | null;
  entries: { name: string; spec: ScheduleSpec }[];
}

/**
 * Checks what a module exports as its schedules.
 * @throws ValueError naming the entry and what is wrong in it
 */
export async function readScheduleFile(exported: unknown, maxPayload: number): Promise<ScheduleFile> {
  const { entries, file } = toDefined(exported);
  const specs: ScheduleFile["entries"] = [];
  for (const [name, entry] of Object.entries(entries)) {
    try {
      specs.push({ name, spec: await specOf(name, entry, maxPayload) });
    } catch (error) {
      throw new ValueError(`schedule "${name}": ${(error as Error).message}`, { cause: error });
    }
  }
  return { file, entries: specs };
}

async function specOf(name: string, entry: unknown, maxPayload: number): Promise<ScheduleSpec> {
  assertScheduleName(name);
  if (typeof entry !== "object" || entry === null) throw new ValueError("it must be an object with a task");
  const { task, args = [], ...options } = entry as { task: string; args?: unknown };
  const called = toSubmitted(task);
  const spec = toSpec(options, { task: called.task, args: await callData({ ...called, args, maxPayload }) });
  // One whose `until` is over has ended; a day that never comes is a mistake.
  const after = spec.from ?? Date.now();
  if (nextDue({ ...spec, until: null }, name, { after, anchor: after }) === null) {
    throw new ValueError(`cron "${spec.cron}" is never due: there is no such day within nine years`);
  }
  return spec;
}

type FileChange = (what: "set" | "remove", name: string) => Promise<void>;

/** What a host has done with its version of a file. */
export interface FileOutcome {
  /** "other": a version that came later is in force. */
  whose: "ours" | "other";
  set: string[];
  removed: string[];
  /** Left out, because another file has them, which hosts have. */
  owned: string[];
  /** The host that brought the version in force, and when, epoch ms. */
  other: { host: string; since: number } | null;
}

/**
 * Has Redis follow a file of schedules, if this version is the one in force. A host does this with its file when it starts,
 * when the file changes, and again and again, so that others know that this version is still there.
 *
 * @param file.again - Also where all of it has been applied before.
 * @param file.changed - Hears of each schedule that it has set or removed.
 */
export async function followFile(
  place: { client: RedisClient; keys: Keys },
  file: { name: string; entries: ScheduleFile["entries"]; host: string; again: boolean; changed: FileChange },
): Promise<FileOutcome> {
  const { client, keys } = place;
  const version = { file: file.name, digest: digestOf(file.entries) };
  const outcome: FileOutcome = { whose: "ours", set: [], removed: [], owned: [], other: null };
  const claim = await claimFile.run(client, [keys.scheduleFile(file.name)], [version.digest, file.host]);
  if (claim[0] === "other") return { ...outcome, whose: "other", other: { host: claim[1], since: Number(claim[2]) } };
  if (claim[1] === "1" && !file.again) return outcome;
  for (const { name, spec } of file.entries) {
    const stored = await storeSchedule(place, { name, spec, version });
    // The host with the other version goes on from here.
    if (stored === "superseded") return outcome;
    if (stored === "never due") throw new ManyhandsError(`schedule "${name}" is never due`);
    if (stored !== "same") outcome[stored].push(name);
    if (stored === "set") await file.changed("set", name);
  }
  outcome.removed = await removeOthers(place, version, new Set(file.entries.map(({ name }) => name)));
  for (const name of outcome.removed) await file.changed("remove", name);
  if (outcome.owned.length === 0) await fileApplied.run(client, [keys.scheduleFile(file.name)], [version.digest]);
  return outcome;
}

/** Removes schedules that a version of the file has set, and that this one does not name. */
async function removeOthers(
  place: { client: RedisClient; keys: Keys },
  version: FileVersion,
  named: ReadonlySet<string>,
): Promise<string[]> {
  const { client, keys } = place;
  const names = (await client.zrange(keys.schedules, "0", "-1")).filter((name) => !named.has(name));
  const pipeline = client.pipeline();
  for (const name of names) pipeline.hget(keys.schedule(name), "file");
  const files = (await pipeline.exec()) ?? [];
  const removed: string[] = [];
  for (const [index, name] of names.entries()) {
    if (files[index]?.[1] === version.file && (await dropSchedule(place, name, version))) removed.push(name);
  }
  return removed;
}

function digestOf(entries: ScheduleFile["entries"]): string {
  const sorted = entries.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
}
