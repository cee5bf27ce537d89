import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { moment } from "../../output/times.ts";
import { findSchedule } from "./find-schedule.ts";

/** `manyhands schedule resume <name>` */
export function scheduleResumeCommand(): Command {
  const command = newCommand("resume", {
    summary: "let a paused schedule go on with its next due time",
    examples: [["manyhands schedule resume nightly", "due times of the pause are left out"]],
  });
  return command.argument("<name>", "name of the schedule").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const name = String(args[0]);
      await connection.inspector.schedules.resume(name);
      const schedule = await findSchedule(connection, name);
      const next = schedule.next === null ? "" : `; next run ${moment(schedule.next)}`;
      printer.change(schedule, `schedule "${name}" is ${schedule.state}${next}`);
    }),
  );
}
