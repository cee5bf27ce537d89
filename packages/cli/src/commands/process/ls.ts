import type { ProcessRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { relative } from "../../output/times.ts";
import { describeState } from "./describe-state.ts";

/** `manyhands process ls` */
export function processListCommand(): Command {
  const command = newCommand("ls", {
    summary: "processes that wait or run",
    examples: [["manyhands process ls --ended", "also processes that ended in the last hour"]],
  });
  return command
    .alias("list")
    .addOption(wideOption())
    .option("--ended", "also list processes that ended in the last hour")
    .action(
      onNamespace<{ ended?: true }>(async ({ options, printer, inspector }) => {
        const ended = options.ended === true;
        const processes = await inspector.processes.list({ ended });
        printer.list(processes, COLUMNS, ended ? "no process is known" : "no process waits or runs");
      }),
    );
}

const COLUMNS: readonly Column<ProcessRecord>[] = [
  { heading: "ID", cell: (process) => process.id },
  { heading: "NAME", cell: (process) => process.name, max: 40, min: 12 },
  { heading: "STATE", cell: describeState },
  { heading: "HOST", cell: (process) => process.host || "-", min: 8, drop: 5 },
  { heading: "PID", cell: (process) => String(process.pid ?? "-"), align: "right", drop: 4 },
  { heading: "DAEMON", cell: (process) => (process.daemon ? "yes" : "no"), drop: 1 },
  { heading: "TARGET", cell: (process) => process.target, max: 40, min: 12 },
  { heading: "PARENT", cell: ({ parent }) => `${parent.name} (${parent.pid})`, max: 40, min: 10, drop: 2 },
  { heading: "CREATED", cell: (process) => relative(process.createdAt), drop: 3 },
];
