import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { processEndCommand } from "./end.ts";
import { processListCommand } from "./ls.ts";
import { processShowCommand } from "./show.ts";

/** `manyhands process …` */
export function processCommand(): Command {
  return newCommand("process", { summary: "processes: list, show, terminate, kill" })
    .addCommand(processListCommand())
    .addCommand(processShowCommand())
    .addCommand(processEndCommand("terminate"))
    .addCommand(processEndCommand("kill"));
}
