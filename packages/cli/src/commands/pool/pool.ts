import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { poolCreateCommand } from "./create.ts";
import { poolDrainCommand } from "./drain.ts";
import { poolLimitCommand } from "./limit.ts";
import { poolListCommand } from "./ls.ts";
import { poolPauseCommand } from "./pause.ts";
import { poolResetCommand } from "./reset.ts";
import { poolResizeCommand } from "./resize.ts";
import { poolResumeCommand } from "./resume.ts";
import { poolRemoveCommand } from "./rm.ts";
import { poolShowCommand } from "./show.ts";

/** `manyhands pool …` */
export function poolCommand(): Command {
  return newCommand("pool", {
    summary: "pools: list, show, create, resize, limit, pause, resume, reset, drain, remove",
  })
    .addCommand(poolListCommand())
    .addCommand(poolShowCommand())
    .addCommand(poolCreateCommand())
    .addCommand(poolResizeCommand())
    .addCommand(poolLimitCommand())
    .addCommand(poolPauseCommand())
    .addCommand(poolResumeCommand())
    .addCommand(poolResetCommand())
    .addCommand(poolDrainCommand())
    .addCommand(poolRemoveCommand());
}
