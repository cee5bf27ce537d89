import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { hostDrainCommand } from "./drain.ts";
import { hostListCommand } from "./ls.ts";
import { hostShowCommand } from "./show.ts";

/** `manyhands host …` */
export function hostCommand(): Command {
  return newCommand("host", { summary: "worker hosts: list, show, drain" })
    .addCommand(hostListCommand())
    .addCommand(hostShowCommand())
    .addCommand(hostDrainCommand());
}
