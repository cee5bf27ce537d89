import { FIND_STATES, type FindState, type TaskSelection } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { moment } from "../../parse/moment.ts";
import { commaList } from "../../parse/numbers.ts";
import { findPool } from "../pool/find-pool.ts";

/** The options by which tasks are found. */
export interface Filters {
  pool?: string;
  state?: FindState[];
  task?: string;
  host?: string;
  tag?: string;
  workflow?: string;
  since?: number;
  until?: number;
  error?: string;
  text?: string;
}

const GROUP = "Filters:";

/** @param options.pool - What the pool is for; @param options.hasState - false: the command is for tasks of one state. */
export function addFilters(command: Command, { pool, hasState = true }: { pool: string; hasState?: boolean }): Command {
  const options = [
    new Option("--pool <name>", pool),
    ...(hasState ? [stateOption()] : []),
    new Option("--task <task>", "of this task"),
    new Option("--host <host>", "that this host runs or ran: its name, or its id if several hosts have the name"),
    new Option("--tag <tag>", "with this tag"),
    new Option("--workflow <id>", "that is a step of this workflow"),
    new Option("--since <time>", "submitted since: 24h, 7d, 2026-11-27T03:00").argParser(moment("--since")),
    new Option("--until <time>", "submitted until, as --since").argParser(moment("--until")),
    new Option("--error <text>", "that failed with this text in the class or message of the error"),
    new Option("--text <text>", "with this text in the id, name, tags, arguments or error message"),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
  return command;
}

/** The states are checked with the whole query: what is offered for completion is known here. */
function stateOption(): Option {
  const option = new Option("--state <a,b>", "in one of these states").choices(FIND_STATES);
  return option.argParser(commaList);
}

const NAMES = ["pool", "state", "task", "host", "tag", "workflow", "since", "until", "error", "text"] as const;

/** The query that the options make. */
export function selectionOf(options: Filters): TaskSelection {
  const given = NAMES.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}

/** @throws NotFoundError for a pool that is not there, naming those that are */
export async function assertPoolOf(connection: Pick<Connection, "inspector">, { pool }: Filters): Promise<void> {
  if (pool !== undefined) await findPool(connection, pool);
}

/** What a query means, as it was typed: `--pool mail --state failed`. */
export function describeSelection(selection: TaskSelection): string {
  const words = Object.entries(selection).map(([name, value]) => {
    const text = name === "since" || name === "until" ? new Date(Number(value)).toISOString() : String(value);
    return `--${name} ${/^[\w.:@/,+-]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  return words.join(" ");
}
