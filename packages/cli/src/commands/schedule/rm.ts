import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
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
        const plans = await Promise.all(
          names.map(async (name) => {
            // One that cannot be read is only listed.
            if (await isUnreadable(connection, name)) return `remove schedule "${name}", whose record cannot be read`;
            const schedule = await findSchedule(connection, name);
            return `remove schedule "${name}" (${describeTimes(schedule)}), which has started ${schedule.runs} runs`;
          }),
        );
        assertAgreed(options, plans);
        for (const name of names) {
          await connection.inspector.schedules.remove(name);
          printer.change({ name, removed: true }, `schedule "${name}" was removed`);
        }
      }),
    );
}

async function isUnreadable({ inspector, client, keys }: Connection, name: string): Promise<boolean> {
  if ((await inspector.schedules.get(name)) !== null) return false;
  return (await client.zscore(keys.schedules, name)) !== null;
}
