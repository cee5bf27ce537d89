import type { HostRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { action, newCommand } from "../../invocation.ts";
import { type Column, shorten } from "../../output/printer.ts";
import { megabytes, relative } from "../../output/times.ts";

/** `manyhands host ls` */
export function hostListCommand(): Command {
  const command = newCommand("ls", {
    summary: "worker hosts that are alive",
    examples: [["manyhands host ls -o json", "for a script"]],
  });
  return command.alias("list").action(
    action(async ({ settings, printer }) => {
      const hosts = await withConnection(settings, ({ inspector }) => inspector.hosts());
      printer.list(hosts, COLUMNS, "no host is running; start one with: manyhands worker --tasks <module>");
      return EXIT.done;
    }),
  );
}

const COLUMNS: readonly Column<HostRecord>[] = [
  { heading: "HOST", cell: (host) => host.name },
  { heading: "STATE", cell: (host) => host.state },
  { heading: "MACHINE", cell: (host) => host.hostname },
  { heading: "PID", cell: (host) => String(host.pid), align: "right" },
  { heading: "BUSY", cell: (host) => `${host.running.length}/${host.slots}`, align: "right" },
  { heading: "DONE", cell: (host) => String(host.completed), align: "right" },
  { heading: "FAILED", cell: (host) => String(host.failed), align: "right" },
  { heading: "MEMORY", cell: (host) => megabytes(host.memory), align: "right" },
  { heading: "STARTED", cell: (host) => relative(host.startedAt) },
  { heading: "POOLS", cell: (host) => shorten(host.pools?.join(",") ?? "all", 30) },
  {
    heading: "TASKS",
    cell: (host) =>
      shorten(
        host.tasks
          .map((task) => task.name)
          .sort()
          .join(","),
        40,
      ),
  },
];
