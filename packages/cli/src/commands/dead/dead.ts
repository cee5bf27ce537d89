import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { deadListCommand } from "./ls.ts";
import { deadRedriveCommand } from "./redrive.ts";
import { deadRemoveCommand } from "./rm.ts";
import { deadShowCommand } from "./show.ts";

/** `manyhands dead …` */
export function deadCommand(): Command {
  return newCommand("dead", { summary: "tasks that failed for good: list, show, redrive, remove" })
    .addCommand(deadListCommand())
    .addCommand(deadShowCommand())
    .addCommand(deadRedriveCommand())
    .addCommand(deadRemoveCommand());
}
