import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { hostDrainCommand } from "./drain.ts";
import { hostLogsCommand } from "./logs.ts";
import { hostListCommand } from "./ls.ts";
import { hostQuietCommand } from "./quiet.ts";
import { hostResizeCommand } from "./resize.ts";
import { hostResumeCommand } from "./resume.ts";
import { hostShowCommand } from "./show.ts";

/** `manyhands host …` */
export function hostCommand(): Command {
  return newCommand("host", { summary: "worker hosts: list, show, logs, quiet, resume, resize, drain" })
    .addCommand(hostListCommand())
    .addCommand(hostShowCommand())
    .addCommand(hostLogsCommand())
    .addCommand(hostQuietCommand())
    .addCommand(hostResumeCommand())
    .addCommand(hostResizeCommand())
    .addCommand(hostDrainCommand());
}
