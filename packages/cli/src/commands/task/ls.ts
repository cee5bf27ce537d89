import { TASK_STATES, type TaskFilter, type TaskRow, type TaskState } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { duration, relative } from "../../output/times.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { renamedOption } from "../../parse/renamed-option.ts";
import { findPool } from "../pool/find-pool.ts";

interface Options {
  pool?: string;
  state?: TaskState;
  task?: string;
  host?: string;
  limit: number;
  offset: number;
}

/** `manyhands task ls` */
export function taskListCommand(): Command {
  const command = newCommand("ls", {
    summary: "tasks, newest first by the last thing that happened to them",
    examples: [
      ["manyhands task ls --state failed", "what went wrong lately"],
      ["manyhands task ls --pool mail --task send-mail -o ndjson", "for a script"],
    ],
  });
  return command
    .alias("list")
    .option("--pool <name>", "only of this pool")
    .addOption(new Option("--state <state>", "only in this state").choices(TASK_STATES))
    .option("--task <task>", "only of this task")
    .addOption(renamedOption("--name <task>", "--task <task>"))
    .option(
      "--host <host>",
      "only tasks that this host runs or ran: its name, or its id if several hosts have the name",
    )
    .option("--limit <n>", "at most n", wholeNumber("--limit", { from: 1, to: 10_000 }), 20)
    .addOption(wideOption())
    .option("--offset <n>", "leave out the first n", wholeNumber("--offset", { from: 0 }), 0)
    .action(
      onNamespace<Options>(async ({ options, printer, inspector }) => {
        const { pool, state, task, host, limit, offset } = options;
        if (pool !== undefined) await findPool({ inspector }, pool);
        const filter: TaskFilter = { pool, state, task, host, limit, offset };
        printer.list(await inspector.tasks.list(filter), COLUMNS, "no such tasks");
      }),
    );
}

const COLUMNS: readonly Column<TaskRow>[] = [
  { heading: "ID", cell: (task) => task.id },
  { heading: "TASK", cell: (task) => task.name, min: 12 },
  { heading: "POOL", cell: (task) => task.pool, min: 8, drop: 3 },
  { heading: "STATE", cell: (task) => task.state },
  { heading: "TRIES", cell: (task) => String(task.attemptsMade), align: "right", drop: 1 },
  { heading: "HOST", cell: (task) => task.host ?? "-", min: 8, drop: 2 },
  { heading: "SUBMITTED", cell: (task) => relative(task.createdAt), drop: 5 },
  { heading: "TOOK", cell: (task) => runTime(task), align: "right", drop: 4 },
  { heading: "FAILURE", cell: (task) => oneLine(task.failedReason ?? ""), max: 50, min: 16, drop: 6 },
];

function runTime(task: TaskRow): string {
  if (task.startedAt === null) return "-";
  return duration(Math.max(0, (task.finishedAt ?? Date.now()) - task.startedAt));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
