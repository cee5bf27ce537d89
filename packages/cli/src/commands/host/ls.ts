import type { GoneHost, HostRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { megabytes, relative } from "../../output/times.ts";
import { describeHostState } from "./describe-state.ts";

/** `manyhands host ls` */
export function hostListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list live worker hosts, or those of the last day that are gone",
    examples: [
      ["manyhands host ls -o json", "for a script"],
      ["manyhands host ls --gone", "how hosts ended: in order, killed, or vanished"],
    ],
  });
  return command
    .alias("list")
    .option("--gone", "hosts of the last day that are gone, and how they went")
    .addOption(wideOption())
    .action(
      onNamespace<{ gone?: true }>(async ({ options, printer, inspector }) => {
        if (options.gone) {
          printer.list(await inspector.fleet.gone(), GONE, "no host has gone in the last day");
          return;
        }
        const hosts = await inspector.fleet.list();
        printer.list(hosts, COLUMNS, "no host is running; start one with: manyhands worker --tasks <module>");
      }),
    );
}

const GONE: readonly Column<GoneHost>[] = [
  { heading: "HOST", cell: (host) => host.name, max: 60, min: 12 },
  { heading: "GONE", cell: (host) => relative(host.goneAt) },
  { heading: "HOW", cell: howItWent, max: 60, min: 8 },
  { heading: "ITS TASKS", cell: whatOfItsTasks, max: 60, min: 12, drop: 1 },
  { heading: "MACHINE", cell: (host) => host.hostname, max: 40, min: 8, drop: 2 },
  { heading: "PID", cell: (host) => String(host.pid), align: "right", drop: 3 },
  { heading: "STARTED", cell: (host) => relative(host.startedAt), drop: 4 },
];

function howItWent({ how, reason }: GoneHost): string {
  if (how === "ended") return reason === null ? "ended in order" : `ended in order: ${reason}`;
  return how === "killed" ? "killed: its process ended without a word" : "vanished: nothing was heard any more";
}

function whatOfItsTasks({ how, finished, givenBack, running }: GoneHost): string {
  if (how === "ended") return `${finished ?? 0} finished, ${givenBack ?? 0} given back`;
  return running.length === 0 ? "it ran none" : `${running.length} taken over by others`;
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
