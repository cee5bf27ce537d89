import { assertOptions, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import type { AnyTask, Task } from "../../tasks/index.ts";
import type { ScheduleOptions } from "./schedule-view.ts";

/** One schedule in a file: its task with arguments, and when it is due. */
export type ScheduleEntry<Args extends unknown[] = unknown[]> = ScheduleOptions & {
  /** A task, or the name of one. */
  task: Task<Args, unknown> | string;
} & ([] extends Args ? { args?: Args | undefined } : { args: Args });

/** What an entry has to be for its task, without names that no entry has. */
type Checked<Entry> = (Entry extends { task: Task<infer Args, unknown> } ? ScheduleEntry<Args> : ScheduleEntry) &
  Partial<Record<Exclude<keyof Entry, keyof ScheduleEntry>, never>>;

/** Schedules for a file that is given to hosts. */
export interface DefinedSchedules {
  readonly entries: Readonly<Record<string, ScheduleEntry>>;
  /** Name of the file; null = hosts derive it from the path. */
  readonly file: string | null;
}

/** Those that `defineSchedules()` has made, also by another copy of this package. */
const DEFINED = Symbol.for("manyhands.schedules");

/**
 * The schedules of a file, its default export: `manyhands worker --schedules manyhands.schedules.ts` sets them. The file is
 * the whole truth for the schedules that it names; one that it names no longer is removed.
 *
 * @param options - `file`: by which name hosts know that theirs are versions of one file; without it the name of the package
 *   and that of the file.
 *
 * @example
 * export default defineSchedules({
 *   nightly: { task: report, args: ["yesterday"], cron: "0 3 * * *", timeZone: "Europe/Berlin" },
 *   poll: { task: fetchNews, every: 300_000, overlap: "skip" },
 * });
 *
 * @throws ValueError unless it is given an object; hosts check the entries
 */
export function defineSchedules<Entries extends Record<string, { task: AnyTask | string }>>(
  entries: Entries & { [Name in keyof Entries]: Checked<Entries[Name]> },
  options: { file?: string | undefined } = {},
): DefinedSchedules {
  assertOptions("defineSchedules()", options, OPTIONS);
  const { file = null } = options;
  if (file !== null) assertFileName(file);
  assertEntries(entries);
  return Object.freeze({ [DEFINED]: true, entries: { ...entries } as unknown as DefinedSchedules["entries"], file });
}

const OPTIONS = optionsOf<{ file?: string | undefined }>({ file: true });

/** What a module exports as its schedules. @throws ValueError */
export function toDefined(exported: unknown): DefinedSchedules {
  if (typeof exported === "object" && exported !== null && DEFINED in exported) return exported as never;
  assertEntries(exported);
  return { entries: exported as DefinedSchedules["entries"], file: null };
}

/** @throws ValueError for a name that no file can have */
export function assertFileName(name: unknown): asserts name is string {
  if (typeof name === "string" && /^[\w.@/-]{1,200}$/.test(name)) return;
  throw new ValueError(`the name of a file of schedules is 1 to 200 letters, digits or _ . @ / -; got ${got(name)}`);
}

function assertEntries(entries: unknown): void {
  if (typeof entries === "object" && entries !== null && !Array.isArray(entries)) return;
  throw new ValueError(
    `schedules are an object, such as { nightly: { task: report, args: [], cron: "0 3 * * *" } }; got ${got(entries)}`,
  );
}
