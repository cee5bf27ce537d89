import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { changeHosts, HOSTS } from "./find-host.ts";

/** `manyhands host resume <host…>` */
export function hostResumeCommand(): Command {
  const command = newCommand("resume", {
    summary: "let quiet hosts take work again",
    examples: [["manyhands host resume web-1", "after: manyhands host quiet web-1"]],
  });
  return command.argument("<host...>", HOSTS).action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const { fleet } = connection.inspector;
      for (const { id, name, state } of await changeHosts(connection, args[0] as string[], (ids) =>
        fleet.resume(ids),
      )) {
        const takes = state === "running" || state === "starting";
        printer.change(
          { id, name, state },
          `host "${name}" ${takes ? "takes work" : `is no longer quiet, but ${state}`}`,
        );
        if (!takes) printer.warn(`it takes no work yet; see: manyhands host show ${name}`);
      }
    }),
  );
}
