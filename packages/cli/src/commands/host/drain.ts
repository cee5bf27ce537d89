import { plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { noSuchHost } from "./find-host.ts";

/** `manyhands host drain <host>` */
export function hostDrainCommand(): Command {
  const command = newCommand("drain", {
    summary: "let a host finish its running tasks, take no new ones, and end",
    examples: [
      ["manyhands host drain web-1", "use the grace time of the host"],
      ["manyhands host drain web-1 --grace 60000", "stop tasks that still run after a minute"],
    ],
  });
  return command
    .argument("<host>", "name of the host, or its id if several hosts have the name")
    .option(
      "--grace <ms>",
      "how long running tasks may take",
      wholeNumber("--grace", { from: 0, unit: "milliseconds" }),
    )
    .action(
      onNamespace<{ grace?: number }>(async ({ args, options, printer, inspector }) => {
        const name = String(args[0]);
        const host = await inspector.fleet.drain(name, { grace: options.grace ?? null });
        if (!host) throw await noSuchHost({ inspector }, name);
        const processes = host.processes?.running ?? 0;
        const also = processes === 0 ? "" : ` and its ${plural(processes, "process", "processes")}`;
        printer.change(
          { id: host.id, name: host.name, running: host.running.length },
          `host "${host.name}" was told to finish its ${plural(host.running.length, "running task")}${also}, and to end`,
        );
      }),
    );
}
