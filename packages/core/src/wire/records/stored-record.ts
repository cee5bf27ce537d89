import { RedisUnfitError } from "../../errors/index.ts";
import type { HostCardRecord, HostRecord, Isolation, PoolRecord, SessionRecord } from "./records.ts";

/** Form in which records are written. A record of a larger number was written by a newer manyhands, and is left alone. */
export const RECORD_FORMAT = 1;

/** A record that this version cannot use, and where it lies. */
export interface UnreadableRecord {
  key: string;
  /** Field of a hash or member of a sorted set; null = the key itself. */
  field: string | null;
  /** "it is not JSON", in the words of a message. */
  fault: string;
  /** Written by a newer version: not to be removed. */
  isNewer: boolean;
}

/** What was read: the record, or why it cannot be used. */
export type Reading<Stored> = { record: Stored } | { fault: string; isNewer: boolean };

/** @param name - The field that it was read from; a record that says another name is none. */
export function readPoolRecord(name: string, text: string): Reading<PoolRecord> {
  return read<PoolRecord>(text, {
    name: (value) => value === name && isQueueName(name),
    size: (value) => value === null || isCount(value, 1),
    generation: isText,
    owner: isTextOrNull,
    state: (value) => POOL_STATES.has(value),
    isolation: (value) => value === null || ISOLATIONS.has(value),
    initializer: (value) => value === null || (isObject(value) && isText(value["task"]) && isText(value["args"])),
    maxTasksPerChild: (value) => value === null || isCount(value, 1),
    fence: (value) => value === "strict" || value === "lenient",
    failure: isTextOrNull,
    createdAt: isTime,
  });
}

export function readHostRecord(id: string, text: string): Reading<HostRecord> {
  return read<HostRecord>(text, {
    id: (value) => value === id,
    name: isText,
    hostname: isText,
    pid: isNumber,
    slots: (value) => isCount(value, 0),
    // Hosts of a newer version may know more states; such a host is shown and takes no part in what is not known here.
    state: isText,
    step: (value) => value === undefined || isTextOrNull(value),
    stepSince: (value) => value === undefined || value === null || isTime(value),
    canResume: (value) => value === undefined || typeof value === "boolean",
    troubles: (value) => value === undefined || isListOf(value, ({ reason }) => isText(reason)),
    isolation: (value) => ISOLATIONS.has(value),
    pools: (value) => value === null || isTexts(value),
    tasks: (value) =>
      isListOf(
        value,
        ({ name, isolation, options }) =>
          isText(name) && isTextOrNull(isolation) && (options === undefined || isObject(options)),
      ),
    running: (value) => isListOf(value, (run) => isRunning(run)),
    children: (value) => isListOf(value, ({ pid, pool }) => isNumber(pid) && isTextOrNull(pool)),
    processes: (value) =>
      value === undefined ||
      (isObject(value) && isNumber(value["limit"]) && isNumber(value["running"]) && isTexts(value["queues"])),
    version: isText,
    startedAt: isTime,
    beatAt: isTime,
    memory: (value) => isCount(value, 0),
    completed: (value) => isCount(value, 0),
    failed: (value) => isCount(value, 0),
  });
}

export function readHostCard(id: string, text: string): Reading<HostCardRecord> {
  return read<HostCardRecord>(text, {
    id: (value) => value === id,
    name: isText,
    hostname: isText,
    pid: isNumber,
    version: isText,
    slots: (value) => isCount(value, 0),
    pools: (value) => value === null || isTexts(value),
    startedAt: isTime,
    beatAt: isTime,
    running: (value) => isListOf(value, (run) => isRunning(run)),
    completed: (value) => isCount(value, 0),
    failed: (value) => isCount(value, 0),
    how: (value) => value === undefined || value === "ended" || value === "killed",
    reason: (value) => value === undefined || isText(value),
    finished: (value) => value === undefined || isCount(value, 0),
    givenBack: (value) => value === undefined || isCount(value, 0),
  });
}

export function readSessionRecord(text: string): Reading<SessionRecord> {
  return read<SessionRecord>(text, { hostname: isText, pid: isNumber, host: isTextOrNull });
}

/** What is wrong with the form that a record states; null when this version reads it. */
export function faultOfFormat(format: unknown): { fault: string; isNewer: boolean } | null {
  if (format === undefined) return null;
  if (typeof format !== "number") return { fault: "its format is not a number", isNewer: false };
  if (format <= RECORD_FORMAT) return null;
  const fault = `it was written by a newer manyhands (record format ${format}, this version reads ${RECORD_FORMAT})`;
  return { fault, isNewer: true };
}

/** Sentence about a record for logs, with what to do. */
export function describeUnreadable({ key, field, fault, isNewer }: UnreadableRecord): string {
  const where = field === null ? key : `field "${field}" of ${key}`;
  const advice = isNewer ? "update this process" : "manyhands doctor shows it, and removes it with --repair";
  return `a record is left out: ${where}: ${fault}; ${advice}`;
}

/** A reply that says that a key holds another type than it must. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && /(^|\s)WRONGTYPE\b/.test(error.message);
}

/** What Redis refuses, or a connection that is gone, says nothing about the record that was to be read. */
export function isNoFaultOfRecord(error: unknown, client: { status: string }): boolean {
  return client.status !== "ready" || error instanceof RedisUnfitError || (error as Error).name === "ReplyError";
}

type Check = (value: unknown) => boolean;
type Fields = { readonly [field: string]: unknown };

function read<Stored>(text: string, checks: { readonly [Field in keyof Stored]?: Check }): Reading<Stored> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: "it is not JSON", isNewer: false };
  }
  if (!isObject(value)) return { fault: "it is not an object", isNewer: false };
  const unknownFormat = faultOfFormat(value["format"]);
  if (unknownFormat) return unknownFormat;
  for (const [field, check] of Object.entries<Check | undefined>(checks)) {
    // Inherited names are no fields.
    const own = Object.hasOwn(value, field) ? value[field] : undefined;
    if (check && !check(own)) return { fault: `its field "${field}" is ${shown(own)}`, isNewer: false };
  }
  return { record: value as Stored };
}

const POOL_STATES = setOf<PoolRecord["state"]>({ running: true, failed: true, terminated: true });
const ISOLATIONS = setOf<Isolation>({ process: true, thread: true, inline: true });

/** A name that a queue of BullMQ can have; it throws for others. */
function isQueueName(name: string): boolean {
  return name !== "" && !name.includes(":");
}

function setOf<Word extends string>(words: { readonly [Each in Word]: true }): ReadonlySet<unknown> {
  return new Set(Object.keys(words));
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

/** A time that a date can hold, ms. */
function isTime(value: unknown): boolean {
  return isNumber(value) && !Number.isNaN(new Date(value as number).getTime());
}

function isRunning({ jobId, task, pool, pid, since }: Fields): boolean {
  return isText(jobId) && isText(task) && isText(pool) && isNumber(pid) && isTime(since);
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isListOf(value: unknown, check: (item: Fields) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && check(item));
}
