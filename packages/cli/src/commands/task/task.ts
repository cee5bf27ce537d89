import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { taskCancelCommand } from "./cancel.ts";
import { taskChangeCommand } from "./change.ts";
import { taskLogsCommand } from "./logs.ts";
import { taskListCommand } from "./ls.ts";
import { taskPromoteCommand } from "./promote.ts";
import { taskRetryCommand } from "./retry.ts";
import { taskRemoveCommand } from "./rm.ts";
import { taskShowCommand } from "./show.ts";
import { taskWaitCommand } from "./wait.ts";

/** `manyhands task …` */
export function taskCommand(): Command {
  return newCommand("task", { summary: "tasks: list, show, logs, wait, cancel, retry, promote, change, remove" })
    .addCommand(taskListCommand())
    .addCommand(taskShowCommand())
    .addCommand(taskLogsCommand())
    .addCommand(taskCancelCommand())
    .addCommand(taskRetryCommand())
    .addCommand(taskPromoteCommand())
    .addCommand(taskChangeCommand())
    .addCommand(taskRemoveCommand())
    .addCommand(taskWaitCommand());
}
