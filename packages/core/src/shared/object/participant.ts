import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { findCurrentTask } from "../../tasks/running-task.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { SessionRecord } from "../../wire/records/records.ts";
import { isWrongType, readSessionRecord } from "../../wire/records/stored-record.ts";

/** Who holds something or waits for it. */
export interface Participant {
  session: string;
  hostname: string | null;
  /** Name of the worker host whose child it is; null for a program of its own. */
  host: string | null;
  pid: number | null;
  /** The task that it runs; null outside tasks. */
  task: { name: string; id: string } | null;
  /** Whether its session is alive. */
  isAlive: boolean;
  /** Server time since when it waits, or holds, ms; null where that is not kept. */
  since: Milliseconds | null;
}

/** What the calling code says of itself: the running task as "<name>#<id>", or "". */
export function ownLabel(): string {
  const task = findCurrentTask();
  return task ? `${task.name}#${task.id}` : "";
}

/**
 * Who is behind stored waiters or holders, each "<session>|<number>|<label>|<since>" or { session, label }, in their order.
 */
export async function readParticipants(
  context: { client: RedisClient; keys: Keys },
  entries: readonly (string | { session: string; label: string })[],
): Promise<Participant[]> {
  const { client, keys } = context;
  const parsed = entries.map((entry) => (typeof entry === "string" ? parseWaiter(entry) : entry));
  const sessions = [...new Set(parsed.map(({ session }) => session))];
  const texts = await Promise.all(
    sessions.map((session) => client.hget(keys.session(session), "record").catch(unlessWrongType)),
  );
  const records = new Map(sessions.map((session, index) => [session, toRecord(texts[index] ?? null)]));
  const alive = new Set(sessions.filter((_, index) => (texts[index] ?? null) !== null));
  return parsed.map(({ session, label: text }) => {
    const record = records.get(session) ?? null;
    const { label, since } = toLabel(text);
    return {
      session,
      hostname: record?.hostname ?? null,
      host: record?.host ?? null,
      pid: record?.pid ?? null,
      task: toTask(label),
      isAlive: alive.has(session),
      since,
    };
  });
}

/** The parts of a stored waiter; a label may itself contain "|". */
function parseWaiter(entry: string): { session: string; label: string } {
  const [session = "", , ...label] = entry.split("|");
  return { session, label: label.join("|") };
}

/** A label as it was given, and since when its waiter waits; what a lock was granted to by a wake-up has the waiter's. */
function toLabel(text: string): { label: string; since: Milliseconds | null } {
  const [end = "", since] = /\|(\d{13,15})$/.exec(text) ?? [];
  return { label: text.slice(0, text.length - end.length), since: since === undefined ? null : Number(since) };
}

function toRecord(text: string | null): SessionRecord | null {
  const reading = text === null ? null : readSessionRecord(text);
  return reading && "record" in reading ? reading.record : null;
}

/** What cannot be read of one session must not hide the others. */
function unlessWrongType(error: unknown): null {
  if (isWrongType(error)) return null;
  throw error;
}

function toTask(label: string): Participant["task"] {
  const [name, id] = label.split("#");
  return name && id ? { name, id } : null;
}
