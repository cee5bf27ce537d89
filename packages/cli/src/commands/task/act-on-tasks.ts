import {
  type BulkAction,
  type BulkOptions,
  type BulkOutcome,
  checkQueryOptions,
  type Inspector,
  plural,
  type TaskSelection,
} from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { interruption } from "../../interruption.ts";
import { colors } from "../../output/colors.ts";
import type { Printer } from "../../output/printer.ts";
import { WORKFLOW_DEEDS } from "../workflow/act.ts";
import { addFilters, assertPoolOf, describeSelection, type Filters, selectionOf } from "./filters.ts";
import { noSuchTask } from "./no-such-task.ts";

export interface ActOptions extends Filters {
  yes?: true;
  resume?: string;
}

/** What a command does to tasks. */
export interface Deed {
  action: Exclude<BulkAction, "change">;
  /** What the tasks are then, such as "cancelled". */
  past: string;
  reason?: string | undefined;
  /**
   * Does it to one task.
   * @returns what to print; null = there is no such task
   * @throws UsageError when the task cannot be changed so
   */
  one: (id: string, pool: string) => Promise<{ value: object; words: string } | null>;
}

/** The arguments and options of commands that change tasks by their ids or by filters. */
export function addActing(command: Command, { verb, hasState = true }: { verb: string; hasState?: boolean }): Command {
  command.argument("[id...]", "ids of tasks; or give filters");
  addFilters(command, {
    pool: "of this pool; with ids: where the tasks are, if several pools have such ids",
    hasState,
  });
  return command
    .option("-y, --yes", `with filters: ${verb} all of them; without it, say how many and which`)
    .addOption(new Option("--resume <bulk>", "go on with an action of this command that was broken off"));
}

interface Call extends Pick<Connection, "inspector"> {
  printer: Printer;
  ids: readonly string[];
  options: ActOptions;
  deed: Deed;
  /** Filters that the command has anyway. */
  always?: TaskSelection;
}

/**
 * Changes tasks by their ids, or all that fit the filters.
 * @throws UsageError without ids, filters or `-y`; NotFoundError for unknown ids, and for filters that nothing fits
 */
export async function actOnTasks(call: Call): Promise<ExitCode> {
  const { inspector, ids, options, deed, always = {} } = call;
  const { pool, ...others } = selectionOf(options);
  if (ids.length > 0) {
    const filters = describeSelection(others);
    if (filters !== "" || options.resume !== undefined) {
      const other = options.resume === undefined ? filters : "--resume";
      throw new UsageError(`give ids, or filters, and not both; got ${ids.join(" ")} and ${other}`);
    }
    return actOnIds(call);
  }
  if (options.resume !== undefined) return runBulk(call, {});
  await assertPoolOf({ inspector }, options);
  const selection = { ...always, ...selectionOf(options) };
  if (Object.keys(selection).length === 0) {
    throw new UsageError(`name tasks by ids, or by filters such as --state failed or --tag nightly`);
  }
  checkQueryOptions(selection, { paging: false });
  const count = await inspector.tasks.countFor(deed.action, selection);
  const shown = describeSelection(selection);
  if (count === 0) {
    throw new NotFoundError(
      `no task to ${deed.action} fits ${shown}: nothing was changed; see: manyhands task ls ${shown}`,
    );
  }
  if (!options.yes) throw await disagreement(inspector, { deed, selection, count });
  return runBulk(call, selection);
}

/** Says what would be done. */
async function disagreement(
  inspector: Inspector,
  { deed, selection, count }: { deed: Deed; selection: TaskSelection; count: number },
): Promise<UsageError> {
  const { tasks } = await inspector.tasks.findFor(deed.action, selection, 5);
  const some = tasks.map(({ id, pool, name, state }) => `  ${id}  ${name}  ${state}  in pool "${pool}"`);
  return new UsageError([
    `this would ${deed.action} ${plural(count, "task")}: ${describeSelection(selection)}`,
    ...some,
    ...(count > some.length ? [`  and ${count - some.length} more`] : []),
    "add -y to do it",
  ]);
}

async function actOnIds({ inspector, printer, ids, options, deed }: Call): Promise<ExitCode> {
  // Before anything is changed: an id that several pools have is refused.
  const places = await Promise.all(ids.map((id) => inspector.tasks.findPlace(id, poolOf(options))));
  const unknown: string[] = [];
  const refused: UsageError[] = [];
  for (const [index, id] of ids.entries()) {
    const place = places[index];
    try {
      const outcome = place ? await deed.one(id, place.pool) : await onWorkflow({ inspector, options, deed }, id);
      if (outcome) printer.change(outcome.value, outcome.words);
      else unknown.push(id);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      refused.push(error);
    }
  }
  if (unknown.length > 0) {
    for (const { message } of refused) printer.warn(message);
    throw noSuchTask(...unknown);
  }
  const [first, ...others] = refused;
  if (first) throw others.length === 0 ? first : new UsageError(refused.map(({ message }) => message));
  return EXIT.done;
}

/** A workflow has an id as a task has, and is in no pool. */
async function onWorkflow(
  { inspector, options, deed }: Pick<Call, "inspector" | "options" | "deed">,
  id: string,
): Promise<{ value: object; words: string } | null> {
  if (options.pool !== undefined) return null;
  const { reason } = deed;
  return (await WORKFLOW_DEEDS[deed.action]?.(inspector, id, reason === undefined ? {} : { reason })) ?? null;
}

function poolOf({ pool }: ActOptions): { pool?: string } {
  return pool === undefined ? {} : { pool };
}

/** How often progress is told, ms. */
const PROGRESS_INTERVAL = 2_000;

async function runBulk({ inspector, printer, options, deed }: Call, selection: TaskSelection): Promise<ExitCode> {
  using stop = interruption();
  let id = options.resume ?? "";
  let toldAt = performance.now();
  const bulk: BulkOptions = {
    signal: stop.signal,
    resume: options.resume,
    onProgress(progress) {
      id = progress.id;
      if (performance.now() - toldAt < PROGRESS_INTERVAL) return;
      toldAt = performance.now();
      const words = `${progress.done} ${deed.past}, ${progress.refused} refused (if it is broken off: --resume ${id})`;
      printer.words(words, { paint: colors.dim });
    },
  };
  const { tasks } = inspector;
  let outcome: BulkOutcome;
  try {
    const { action, reason } = deed;
    outcome =
      action === "cancel" ? await tasks.cancel(selection, { ...bulk, reason }) : await tasks[action](selection, bulk);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    printer.words(`broken off; go on with the option --resume ${id}, within a day`);
    return EXIT.cancelled;
  }
  const { done, refused, reasons } = outcome;
  printer.change({ action: deed.action, ...outcome }, [
    `${plural(done, "task")} ${done === 1 ? "was" : "were"} ${deed.past}${refused > 0 ? `; ${refused} refused:` : ""}`,
    ...reasons.map(({ reason, count, ids }) => {
      const more = count > ids.length ? ", …" : "";
      return `  ${count}: ${reason} (${ids.join(", ")}${more})`;
    }),
  ]);
  return done === 0 && refused > 0 ? EXIT.failed : EXIT.done;
}
