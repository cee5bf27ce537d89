import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { taskCancelCommand } from "./cancel.ts";
import { taskLogsCommand } from "./logs.ts";
import { taskListCommand } from "./ls.ts";
import { taskRetryCommand } from "./retry.ts";
import { taskShowCommand } from "./show.ts";

/** `manyhands task …` */
export function taskCommand(): Command {
  return newCommand("task", { summary: "tasks: list, show, logs, cancel, retry" })
    .addCommand(taskListCommand())
    .addCommand(taskShowCommand())
    .addCommand(taskLogsCommand())
    .addCommand(taskCancelCommand())
    .addCommand(taskRetryCommand());
}
