import type { HostRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { megabytes, relative } from "../../output/times.ts";
import { describeHostState } from "./describe-state.ts";

/** `manyhands host ls` */
export function hostListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list live worker hosts",
    examples: [["manyhands host ls -o json", "for a script"]],
  });
  return command
    .alias("list")
    .addOption(wideOption())
    .action(
      onNamespace(async ({ printer, inspector }) => {
        const hosts = await inspector.fleet.list();
        printer.list(hosts, COLUMNS, "no host is running; start one with: manyhands worker --tasks <module>");
      }),
    );
}

const COLUMNS: readonly Column<HostRecord>[] = [
  { heading: "HOST", cell: (host) => host.name, max: 60, min: 12 },
  { heading: "STATE", cell: describeHostState, max: 60, min: 8 },
  { heading: "MACHINE", cell: (host) => host.hostname, max: 40, min: 8, drop: 2 },
  { heading: "PID", cell: (host) => String(host.pid), align: "right", drop: 4 },
  { heading: "BUSY", cell: (host) => `${host.running.length}/${host.slots}`, align: "right" },
  { heading: "DONE", cell: (host) => String(host.completed), align: "right", drop: 8 },
  { heading: "FAILED", cell: (host) => String(host.failed), align: "right", drop: 9 },
  { heading: "MEMORY", cell: (host) => megabytes(host.memory), align: "right", drop: 5 },
  { heading: "STARTED", cell: (host) => relative(host.startedAt), drop: 6 },
  { heading: "POOLS", cell: (host) => host.pools?.join(",") ?? "all", max: 30, min: 8, drop: 3 },
  {
    heading: "TASKS",
    cell: (host) =>
      host.tasks
        .map((task) => task.name)
        .sort()
        .join(","),
    max: 40,
    min: 12,
    drop: 7,
  },
];
