import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { changeHosts, HOSTS } from "./find-host.ts";

/** `manyhands host resume <host…>` */
export function hostResumeCommand(): Command {
  const command = newCommand("resume", {
    summary: "let hosts take work again that are quiet, or drain",
    examples: [["manyhands host resume web-1", "after: manyhands host quiet web-1, or host drain web-1"]],
  });
  return command.argument("<host...>", HOSTS).action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const { fleet } = connection.inspector;
      const drained = new Set((await fleet.list()).filter(({ state }) => state === "draining").map((host) => host.id));
      for (const { id, name, state } of await changeHosts(connection, args[0] as string[], (ids) =>
        fleet.resume(ids),
      )) {
        const takes = state === "running" || state === "starting";
        const before = drained.has(id) ? "its drain was stopped" : "it is no longer quiet";
        const now = takes ? `takes work${drained.has(id) ? `: ${before}` : ""}` : `is ${state}; ${before}`;
        printer.change({ id, name, state }, `host "${name}" ${now}`);
        if (!takes) printer.warn(`it takes no work yet; see: manyhands host show ${name}`);
      }
    }),
  );
}
