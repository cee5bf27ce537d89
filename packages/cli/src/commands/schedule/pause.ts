import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { findSchedule } from "./find-schedule.ts";

/** `manyhands schedule pause <name>` */
export function schedulePauseCommand(): Command {
  const command = newCommand("pause", {
    summary: "run nothing of a schedule until it is resumed; runs that have started go on",
    examples: [["manyhands schedule pause nightly", "until: manyhands schedule resume nightly"]],
  });
  return command.argument("<name>", "name of the schedule").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const name = String(args[0]);
      const isPaused = await connection.inspector.schedules.pause(name);
      const schedule = await findSchedule(connection, name);
      const words = isPaused ? `is paused; resume it with: manyhands schedule resume ${name}` : `is ${schedule.state}`;
      printer.change(schedule, `schedule "${name}" ${words}`);
    }),
  );
}
