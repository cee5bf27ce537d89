import { FIND_ORDERS } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { renamedOption } from "../../parse/renamed-option.ts";
import { addFilters, assertPoolOf, type Filters, selectionOf } from "./filters.ts";
import { type ListOptions, listTasks } from "./list-tasks.ts";

/** `manyhands task ls` */
export function taskListCommand(): Command {
  const command = newCommand("ls", {
    summary: "tasks that fit all filters, newest submission first",
    examples: [
      ["manyhands task ls --state failed --since 24h", "what went wrong lately"],
      ["manyhands task ls --tag nightly --error timeout -o ndjson", "for a script"],
      ["manyhands task ls --text invoice-17", "by a part of the id, name, tags, arguments or error"],
      ["manyhands task ls --state active --watch", "again every 2 s, until Ctrl-C"],
    ],
  });
  addFilters(command.alias("list"), { pool: "of this pool" });
  addListOptions(command).addOption(renamedOption("--name <task>", "--task <task>"));
  return command.action(
    onNamespace<Filters & ListOptions>(async ({ options, printer, inspector }) => {
      await assertPoolOf({ inspector }, options);
      return listTasks({ inspector, printer, selection: selectionOf(options), options });
    }),
  );
}

/** The options of commands that list tasks. */
export function addListOptions(command: Command): Command {
  return command
    .option("--limit <n>", "at most n", wholeNumber("--limit", { from: 1, to: 1_000_000 }), 20)
    .option("--offset <n>", "leave out the first n", wholeNumber("--offset", { from: 0 }), 0)
    .option("--cursor <cursor>", "go on after an earlier list, which named it")
    .addOption(new Option("--sort <order>", "by submission, or when they ended in one pool").choices(FIND_ORDERS))
    .option("--watch", "print again what is new or has changed, until Ctrl-C")
    .addOption(wideOption());
}
