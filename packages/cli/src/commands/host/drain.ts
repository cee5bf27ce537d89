import { type HostRecord, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { changeHosts, HOSTS } from "./find-host.ts";

/** `manyhands host drain <host…>` */
export function hostDrainCommand(): Command {
  const command = newCommand("drain", {
    summary: "let hosts finish their running tasks, take no new ones, and end",
    examples: [
      ["manyhands host drain web-1", "use the grace time of the host"],
      ["manyhands host drain web-1 web-2 --grace 60000", "stop tasks that still run after a minute"],
      ["manyhands host resume web-1", "stop the drain, as long as something runs there"],
    ],
  });
  return command
    .argument("<host...>", HOSTS)
    .option(
      "--grace <ms>",
      "how long running tasks may take (default: the --grace of the host)",
      wholeNumber("--grace", { from: 0, unit: "milliseconds" }),
    )
    .action(
      onNamespace<{ grace?: number }>(async ({ args, options, printer, ...connection }) => {
        const { fleet } = connection.inspector;
        const grace = options.grace ?? null;
        const hosts = await changeHosts(connection, args[0] as string[], (ids) => fleet.drain(ids, { grace }));
        for (const host of hosts) {
          const { id, name, running } = host;
          printer.change(
            { id, name, running: running.length },
            `host "${name}" was told to finish ${workOf(host)}, and to end${wayBack(host)}`,
          );
        }
      }),
    );
}

function wayBack({ name, canResume, running, processes }: HostRecord): string {
  const isBusy = running.length + (processes?.running ?? 0) > 0;
  return canResume && isBusy ? `; until then it can be kept with: manyhands host resume ${name}` : "";
}

function workOf({ running, processes }: HostRecord): string {
  const own = processes?.running ?? 0;
  const also = own === 0 ? "" : ` and its ${plural(own, "process", "processes")}`;
  return `its ${plural(running.length, "running task")}${also}`;
}
