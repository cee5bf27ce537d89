import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { assertAgreed } from "../object/find-object.ts";
import { describeTimes, findSchedule } from "./find-schedule.ts";

/** `manyhands schedule rm <name…>` */
export function scheduleRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove schedules; tasks that they have submitted stay",
    examples: [
      ["manyhands schedule rm nightly", "say what it would do"],
      ["manyhands schedule rm nightly -y", "do it"],
    ],
  });
  return command
    .argument("<name...>", "names of schedules")
    .option("-y, --yes", "do it")
    .action(
      onNamespace<{ yes?: boolean }>(async ({ args, options, printer, ...connection }) => {
        const names = [...new Set(args[0] as string[])];
        const schedules = await Promise.all(names.map((name) => findSchedule(connection, name)));
        assertAgreed(
          options,
          schedules.map(
            (one) => `remove schedule "${one.name}" (${describeTimes(one)}), which has started ${one.runs} runs`,
          ),
        );
        for (const name of names) {
          await connection.inspector.schedules.remove(name);
          printer.change({ name, removed: true }, `schedule "${name}" was removed`);
        }
      }),
    );
}
