import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { decodeFromString } from "../../wire/codec/index.ts";
import type { ScheduleSpec } from "./schedule-spec.ts";
import type { ScheduleRun, ScheduleView } from "./schedule-view.ts";

/** A schedule as Redis keeps it. */
export interface StoredSchedule {
  name: string;
  spec: ScheduleSpec;
  /** Another one with each change by a person or a program. */
  version: string;
  /** The moment from which `every` counts, epoch ms. */
  anchor: number;
  /** The next due time as it is written, "" = none. */
  due: string;
  state: ScheduleView["state"];
  at: number | null;
  created: number;
  changed: number;
  runs: number;
  /** Of these, started by hand. */
  manual: number;
  skipped: number;
  missed: number;
  last: string | null;
  /** Name of the file of schedules that has set it; null = it was set by hand. */
  file: string | null;
  /** Runs that may not have ended. */
  open: { pool: string; id: string }[];
}

/** @returns null when there is none, or its record cannot be read */
export async function readSchedule(client: RedisClient, keys: Keys, name: string): Promise<StoredSchedule | null> {
  const record = await readRecord(client, keys, name);
  return record.spec === null ? null : record;
}

/** A schedule; or the version and the due time of one that cannot be read, "" where there is none. */
export async function readRecord(
  client: RedisClient,
  keys: Keys,
  name: string,
): Promise<StoredSchedule | { spec: null; version: string; due: string }> {
  const hash = await client.hgetall(keys.schedule(name));
  return toStored(name, hash) ?? { spec: null, version: hash["version"] ?? "", due: hash["due"] ?? "" };
}

/** Schedules with their last runs. @param runs - So many of each, the newest; without it all that are kept. */
export async function readScheduleView(
  client: RedisClient,
  keys: Keys,
  { names, runs: most = 0 }: { names: readonly string[]; runs?: number | undefined },
): Promise<(ScheduleView | null)[]> {
  if (names.length === 0) return [];
  const pipeline = client.pipeline();
  for (const name of names) {
    pipeline.hgetall(keys.schedule(name));
    pipeline.lrange(keys.scheduleRuns(name), 0, most - 1);
    pipeline.llen(keys.scheduleQueue(name));
  }
  const replies = (await pipeline.exec()) ?? [];
  return names.map((name, index) => {
    const [hash, runs, queued] = replies.slice(index * 3, index * 3 + 3);
    if (hash?.[0]) return null;
    const stored = toStored(name, hash?.[1] as Record<string, string>);
    if (!stored) return null;
    return toView(stored, { runs: (runs?.[1] ?? []) as string[], queued: Number(queued?.[1] ?? 0) });
  });
}

function toStored(name: string, hash: Readonly<Record<string, string>>): StoredSchedule | null {
  const { spec, version, state } = hash;
  if (spec === undefined || version === undefined) return null;
  const read = parseSpec(spec);
  if (read === null) return null;
  return {
    ...{ name, spec: read, version, due: hash["due"] ?? "", at: toNumber(hash["at"]) },
    anchor: toNumber(hash["anchor"]) ?? 0,
    state: state === "paused" || state === "ended" ? state : "active",
    created: toNumber(hash["created"]) ?? 0,
    changed: toNumber(hash["changed"]) ?? 0,
    runs: toNumber(hash["runs"]) ?? 0,
    manual: toNumber(hash["manual"]) ?? 0,
    skipped: toNumber(hash["skipped"]) ?? 0,
    missed: toNumber(hash["missed"]) ?? 0,
    last: hash["last"] ?? null,
    file: hash["file"] ?? null,
    open: openRuns(hash["open"] ?? ""),
  };
}

/** A list of `<pool>/<id>`. */
function openRuns(text: string): { pool: string; id: string }[] {
  return text.split(" ").flatMap((run) => {
    const slash = run.indexOf("/");
    return slash < 1 ? [] : [{ pool: run.slice(0, slash), id: run.slice(slash + 1) }];
  });
}

function parseSpec(text: string): ScheduleSpec | null {
  try {
    const spec = JSON.parse(text) as Partial<ScheduleSpec> | null;
    const isWhole =
      typeof spec?.task === "string" && typeof spec.pool === "string" && typeof spec.timeZone === "string";
    return isWhole && (typeof spec.cron === "string" || typeof spec.every === "number") ? (spec as ScheduleSpec) : null;
  } catch {
    return null;
  }
}

function toView(stored: StoredSchedule, { runs, queued }: { runs: readonly string[]; queued: number }): ScheduleView {
  const { name, spec, state, created, changed, skipped, missed, last } = stored;
  const { task, pool, cron, every, timeZone, from, until, limit, jitter, overlap } = spec;
  const { tags = [], priority, attempts, backoff, timeout, softTimeout } = spec.options ?? {};
  const { expires, resultTtl, limitKey } = spec.options ?? {};
  return {
    ...{ name, task, args: argumentsOf(spec), cron, every, timeZone, from, until, limit, jitter, overlap },
    ...{ missed: spec.missed, pool, tags, state, next: state === "active" ? stored.at : null },
    ...{ priority: priority ?? null, attempts: attempts ?? null, backoff: backoff ?? null },
    ...{ timeout: timeout ?? null, softTimeout: softTimeout ?? null },
    ...{ expires: expires ?? null, resultTtl: resultTtl ?? null, limitKey: limitKey ?? null },
    ...{
      createdAt: created,
      changedAt: changed,
      runs: stored.runs,
      skipped,
      missedCount: missed,
      queued,
      lastId: last,
      file: stored.file,
    },
    lastRuns: runs.flatMap((text) => readRun(text, pool) ?? []),
  };
}

function argumentsOf({ args }: ScheduleSpec): unknown[] {
  if (args.args) return args.args;
  return args.encodedArgs === undefined ? [] : (decodeFromString(args.encodedArgs) as unknown[]);
}

/** @param assumed - Pool of a run that was noted without one, by an earlier version. */
function readRun(text: string, assumed: string): ScheduleRun | null {
  try {
    const { due, at, outcome, id, pool, count } = JSON.parse(text) as ScheduleRun;
    const submitted = id == null ? { id: null, pool: null } : { id, pool: pool ?? assumed };
    return { due, at, outcome, ...submitted, count: count ?? 1 };
  } catch {
    return null;
  }
}

function toNumber(text: string | undefined): number | null {
  return text === undefined || text === "" || Number.isNaN(Number(text)) ? null : Number(text);
}
