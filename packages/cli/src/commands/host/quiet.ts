import { plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { changeHosts, HOSTS } from "./find-host.ts";

/** `manyhands host quiet <host…>` */
export function hostQuietCommand(): Command {
  const command = newCommand("quiet", {
    summary: "let hosts take no new tasks and processes, until they are resumed; what runs continues",
    examples: [
      ["manyhands host quiet web-1", "before you look at it, or before you drain it"],
      ["manyhands host resume web-1", "take work again"],
    ],
  });
  return command.argument("<host...>", HOSTS).action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const { fleet } = connection.inspector;
      for (const host of await changeHosts(connection, args[0] as string[], (ids) => fleet.quiet(ids))) {
        const { id, name, state, running } = host;
        const words =
          state === "draining"
            ? `host "${name}" drains: it takes no work, and ends`
            : `host "${name}" takes no more work; ${plural(running.length, "task")} ${running.length === 1 ? "runs" : "run"} on it; resume it with: manyhands host resume ${name}`;
        printer.change({ id, name, state, running: running.length }, words);
      }
    }),
  );
}
