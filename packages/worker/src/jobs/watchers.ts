import { JOB_WATCHERS_FIELD, readWatchers } from "@manyhands/core/internal";

/** Clients that wait for a job besides its own client, by the job object that a run is about. */
const watchers = new WeakMap<object, Set<string>>();

/** The clients that wait for a job besides its own. */
export function watchersOf(job: object): Set<string> {
  const known = watchers.get(job);
  if (known) return known;
  const fresh = new Set<string>();
  watchers.set(job, fresh);
  return fresh;
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
