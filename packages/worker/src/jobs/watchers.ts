import { JOB_WATCHERS_FIELD, readWatchers } from "@manyhands/core/internal";
import { Note } from "../notes/note.ts";

const watchers = new Note<object, Set<string>>("clients that wait for a job");
const NONE: ReadonlySet<string> = new Set();

/** The clients that wait for a job besides its own, as a job object that a run is about has them. */
export function watchersOf(job: object): ReadonlySet<string> {
  return watchers.of(job) ?? NONE;
}

/** @returns false when it was one of them before */
export function addWatcher(job: object, client: string): boolean {
  const known = watchers.of(job);
  if (known?.has(client)) return false;
  if (known) known.add(client);
  else watchers.set(job, new Set([client]));
  return true;
}

/**
 * Reads from the fields of a job, as Redis gives them with a take, who waits for it.
 * @param fields - Names and values in turn; anything else says nothing.
 */
export function watchersIn(fields: unknown): string[] {
  if (!Array.isArray(fields)) return [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index] === JOB_WATCHERS_FIELD) return readWatchers(fields[index + 1]);
  }
  return [];
}
