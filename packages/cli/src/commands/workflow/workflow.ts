import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { workflowCancelCommand, workflowRemoveCommand, workflowRetryCommand } from "./act.ts";
import { workflowListCommand } from "./ls.ts";
import { workflowShowCommand } from "./show.ts";

/** `manyhands workflow …` */
export function workflowCommand(): Command {
  return newCommand("workflow", { summary: "workflows: list, show, cancel, retry, remove" })
    .addCommand(workflowListCommand())
    .addCommand(workflowShowCommand())
    .addCommand(workflowCancelCommand())
    .addCommand(workflowRetryCommand())
    .addCommand(workflowRemoveCommand());
}
