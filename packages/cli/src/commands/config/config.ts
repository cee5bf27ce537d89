import type { Command } from "commander";
import { EXIT } from "../../failure/exit-code.ts";
import { action, newCommand } from "../../invocation.ts";
import { hidePassword } from "../../output/hide-password.ts";
import { contextsCommand } from "./contexts.ts";

/** `manyhands config [show]`, `manyhands config contexts` */
export function configCommand(): Command {
  const show = newCommand("show", {
    summary: "the settings in force, and where each comes from",
    examples: [["MANYHANDS_NAMESPACE=staging manyhands config show", "show the effect of the environment"]],
  });
  show.action(
    action(async ({ settings, printer }) => {
      const { context, redis, namespace, output, verbose } = settings;
      const rows = [
        { setting: "context", value: context.value ?? "none", source: context.source },
        { setting: "redis", value: hidePassword(redis.value), source: redis.source },
        { setting: "namespace", value: namespace.value, source: namespace.source },
        { setting: "output", value: output.value, source: output.source },
        { setting: "verbose", value: String(verbose.value), source: verbose.source },
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
  return newCommand("config", { summary: "settings in force, where they come from, and contexts" })
    .addCommand(show, { isDefault: true })
    .addCommand(contextsCommand());
}
