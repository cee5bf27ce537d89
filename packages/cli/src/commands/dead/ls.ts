import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { addFilters, assertPoolOf, type Filters, selectionOf } from "../task/filters.ts";
import { type ListOptions, listTasks } from "../task/list-tasks.ts";
import { addListOptions } from "../task/ls.ts";

/** `manyhands dead ls` */
export function deadListCommand(): Command {
  const command = newCommand("ls", {
    summary: "failed tasks that fit all filters, newest submission first",
    examples: [["manyhands dead ls --error timeout --since 24h", "as task ls --state failed"]],
  });
  addFilters(command.alias("list"), { pool: "of this pool", hasState: false });
  return addListOptions(command).action(
    onNamespace<Filters & ListOptions>(async ({ options, printer, inspector }) => {
      await assertPoolOf({ inspector }, options);
      return listTasks({ inspector, printer, selection: { state: "failed", ...selectionOf(options) }, options });
    }),
  );
}
