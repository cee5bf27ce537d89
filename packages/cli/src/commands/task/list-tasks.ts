import {
  checkQueryOptions,
  type FindOrder,
  type FoundTask,
  pause,
  type TaskQuery,
  type TaskSelection,
} from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { interruption } from "../../interruption.ts";
import { colors } from "../../output/colors.ts";
import type { Printer } from "../../output/printer.ts";
import { TASK_COLUMNS } from "./columns.ts";

/** The options of a list beside its filters. */
export interface ListOptions {
  limit: number;
  offset?: number;
  cursor?: string;
  sort?: FindOrder;
  watch?: true;
}

interface Listing extends Pick<Connection, "inspector"> {
  printer: Printer;
  selection: TaskSelection;
  options: ListOptions;
}

/** Tasks that are asked for together. */
const PAGE = 500;
/** How often a list is read again that is watched, ms. */
const WATCH_INTERVAL = 2_000;

/** Prints the tasks of a query as they come; what was not searched, and where to go on, goes to stderr. */
export async function listTasks(listing: Listing): Promise<ExitCode> {
  const { sort, cursor } = listing.options;
  checkQueryOptions(definedOf({ ...listing.selection, sort, cursor }));
  if (listing.options.watch) return watchTasks(listing);
  const { printer } = listing;
  const end: ListEnd = {};
  await printer.stream(pagesOf(listing, end), TASK_COLUMNS, "no such tasks");
  if (end.partial !== undefined) printer.warn(end.partial);
  if (end.cursor !== undefined) printer.words(`more: --cursor ${end.cursor}`, { paint: colors.dim });
  return EXIT.done;
}

/** What is known after the last page. */
interface ListEnd {
  cursor?: string | undefined;
  partial?: string | undefined;
}

async function* pagesOf({ inspector, selection, options }: Listing, end: ListEnd): AsyncGenerator<FoundTask[]> {
  const { limit, offset = 0, sort } = options;
  let { cursor } = options;
  // A search for a text ends with its time, and says so. What the index tells is told up to the limit.
  const isSearch = selection.text !== undefined || selection.error !== undefined;
  let skip = offset;
  for (let left = limit + offset; left > 0; ) {
    const query: TaskQuery = { ...selection, limit: Math.min(left, PAGE), sort, cursor };
    const page = await inspector.tasks.find(definedOf(query));
    left -= page.tasks.length;
    cursor = page.cursor;
    end.cursor = cursor;
    end.partial = page.partial;
    if (page.tasks.length > skip) yield page.tasks.slice(skip);
    skip = Math.max(0, skip - page.tasks.length);
    const isInterrupted = page.partial !== undefined && page.tasks.length < (query.limit ?? 0);
    if (cursor === undefined || (isSearch && isInterrupted)) return;
  }
}

function definedOf(query: TaskQuery): TaskQuery {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

/** On a terminal the table is drawn again; elsewhere each task is printed when it is new or has changed. */
async function watchTasks(listing: Listing): Promise<ExitCode> {
  const { printer } = listing;
  if (printer.format === "json") throw new UsageError("--watch prints lines: use -o ndjson, or the table");
  using stop = interruption();
  const isScreen = printer.format === "table" && process.stdout.isTTY === true;
  const known = new Map<string, string>();
  while (!stop.signal.aborted) {
    const tasks: FoundTask[] = [];
    for await (const page of pagesOf(listing, {})) tasks.push(...page);
    if (isScreen) {
      process.stdout.write("\u001b[H\u001b[2J");
      printer.list(tasks, TASK_COLUMNS, "no such tasks");
    } else {
      const changed = tasks.filter((task) => known.get(keyOf(task)) !== JSON.stringify(task));
      known.clear();
      for (const task of tasks) known.set(keyOf(task), JSON.stringify(task));
      if (changed.length > 0) printer.list(changed.reverse(), TASK_COLUMNS, "");
    }
    await pause(WATCH_INTERVAL, { signal: stop.signal }).catch(() => {});
  }
  return EXIT.cancelled;
}

function keyOf({ pool, id }: FoundTask): string {
  return `${pool}:${id}`;
}
