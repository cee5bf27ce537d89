import type { Command } from "commander";
import { EXIT } from "../failure/exit-code.ts";
import { action, newCommand } from "../invocation.ts";
import { hidePassword } from "../output/hide-password.ts";

/** `manyhands config show` */
export function configCommand(): Command {
  const show = newCommand("show", {
    summary: "the settings in force, and where each comes from",
    examples: [["MANYHANDS_NAMESPACE=staging manyhands config show", "show the effect of the environment"]],
  });
  show.action(
    action(async ({ settings, printer }) => {
      const rows = [
        { setting: "redis", value: hidePassword(settings.redis.value), source: settings.redis.source },
        { setting: "namespace", ...settings.namespace },
        { setting: "output", ...settings.output },
        { setting: "verbose", value: String(settings.verbose.value), source: settings.verbose.source },
        { setting: "node", value: process.version, source: process.execPath },
      ];
      printer.list(
        rows,
        [
          { heading: "SETTING", cell: (row) => row.setting },
          { heading: "VALUE", cell: (row) => row.value },
          { heading: "FROM", cell: (row) => row.source },
        ],
        "",
      );
      return EXIT.done;
    }),
  );
  return newCommand("config", { summary: "settings in force" }).addCommand(show);
}
