import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { findSchedule } from "./find-schedule.ts";

/** `manyhands schedule run <name>` */
export function scheduleRunCommand(): Command {
  const command = newCommand("run", {
    summary: "start a run of a schedule now, whatever is due; prints the id of its task",
    examples: [["manyhands schedule run nightly", "its due times stay as they are"]],
  });
  return command.argument("<name>", "name of the schedule").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const { name, pool } = await findSchedule(connection, String(args[0]));
      const id = await connection.inspector.schedules.run(name);
      if (printer.format === "table") printer.line(id);
      else printer.json({ name, id, pool });
    }),
  );
}
