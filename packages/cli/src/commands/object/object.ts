import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { objectListCommand } from "./ls.ts";
import { objectReleaseCommand } from "./release.ts";
import { objectRemoveCommand } from "./rm.ts";
import { objectShowCommand } from "./show.ts";

/** `manyhands object …` */
export function objectCommand(): Command {
  return newCommand("object", { summary: "locks and other shared objects: list, show, release, remove" })
    .addCommand(objectListCommand())
    .addCommand(objectShowCommand())
    .addCommand(objectReleaseCommand())
    .addCommand(objectRemoveCommand());
}
