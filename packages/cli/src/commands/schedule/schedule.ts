import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { scheduleAddCommand } from "./add.ts";
import { scheduleListCommand } from "./ls.ts";
import { schedulePauseCommand } from "./pause.ts";
import { scheduleResumeCommand } from "./resume.ts";
import { scheduleRemoveCommand } from "./rm.ts";
import { scheduleRunCommand } from "./run.ts";
import { scheduleShowCommand } from "./show.ts";

/** `manyhands schedule …` */
export function scheduleCommand(): Command {
  return newCommand("schedule", { summary: "schedules: list, show, add, pause, resume, run, remove" })
    .addCommand(scheduleListCommand())
    .addCommand(scheduleShowCommand())
    .addCommand(scheduleAddCommand())
    .addCommand(schedulePauseCommand())
    .addCommand(scheduleResumeCommand())
    .addCommand(scheduleRunCommand())
    .addCommand(scheduleRemoveCommand());
}
