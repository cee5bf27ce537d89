import type { WorkflowRow } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import { colors } from "../../output/colors.ts";
import type { Column } from "../../output/printer.ts";
import { duration, relative } from "../../output/times.ts";
import { wholeNumber } from "../../parse/numbers.ts";

interface Options {
  state?: WorkflowRow["state"];
  tag?: string;
  limit: number;
  offset: number;
}

const STATES = ["waiting", "active", "completed", "failed", "cancelled"];

/** `manyhands workflow ls` */
export function workflowListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list workflows, the newest first",
    examples: [
      ["manyhands workflow ls", "with how far each has come"],
      ["manyhands workflow ls --state failed", "what has failed"],
    ],
  });
  return command
    .alias("list")
    .addOption(new Option("--state <state>", "only those in this state").choices(STATES))
    .option("--tag <text>", "only those with this tag")
    .option("--limit <n>", "most rows", wholeNumber("--limit", { from: 1, to: 1_000 }), 100)
    .option("--offset <n>", "leave out the first n", wholeNumber("--offset", { from: 0 }), 0)
    .addOption(wideOption())
    .action(
      onNamespace<Options>(async ({ options, printer, inspector }) => {
        const { workflows, nextOffset } = await inspector.workflows.list(options);
        const isFiltered = options.state !== undefined || options.tag !== undefined;
        const none =
          isFiltered || options.offset > 0
            ? "no such workflow"
            : "no workflows yet; a program submits one with mp.submit(chain(…))";
        printer.list(workflows, COLUMNS, none);
        if (nextOffset !== null) printer.words(`more: --offset ${nextOffset}`, { paint: colors.dim });
      }),
    );
}

const COLUMNS: readonly Column<WorkflowRow>[] = [
  { heading: "WORKFLOW", cell: ({ id }) => id, min: 12 },
  { heading: "STATE", cell: ({ state }) => state },
  { heading: "NAME", cell: ({ name }) => name, drop: 4 },
  { heading: "DONE", cell: ({ steps }) => `${steps.completed}/${steps.total}`, align: "right" },
  { heading: "FAILED", cell: ({ steps }) => String(steps.failed), align: "right", drop: 3 },
  { heading: "SUBMITTED", cell: ({ createdAt }) => relative(createdAt), align: "right", drop: 2 },
  {
    heading: "TOOK",
    cell: ({ createdAt, finishedAt }) => (finishedAt === null ? "-" : duration(finishedAt - createdAt)),
    align: "right",
    drop: 1,
  },
];
