import { describeProcessQueue, type ProcessRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { action, newCommand } from "../../invocation.ts";
import type { Field } from "../../output/printer.ts";
import { moment } from "../../output/times.ts";
import { describeState } from "./describe-state.ts";
import { findProcess } from "./find-process.ts";

/** `manyhands process show <process>` */
export function processShowCommand(): Command {
  const command = newCommand("show", {
    summary: "one process: where it runs, how it ended, what it last wrote",
    examples: [["manyhands process show Process-1", "by name or id"]],
  });
  return command.argument("<process>", "id, or name of a live process").action(
    action(async ({ args, settings, printer }) => {
      const process = await withConnection(settings, (place) => findProcess(place, String(args[0])));
      printer.record(process, fieldsOf(process));
      return EXIT.done;
    }),
  );
}

function fieldsOf(process: ProcessRecord): Field[] {
  const { parent } = process;
  return [
    ["name", process.name],
    ["id", process.id],
    ["state", describeState(process)],
    ...(process.lost === null ? [] : ([["lost", process.lost]] as [string, string][])),
    ["target", `${process.target}, ${describeProcessQueue(process.queue)}`],
    ["host", process.host || "none yet"],
    ["pid", String(process.pid ?? "-")],
    ["daemon", process.daemon ? "yes: it ends with its parent" : "no"],
    [
      "parent",
      `${parent.name}, pid ${parent.pid} on ${parent.host}${parent.process ? `, process ${parent.process}` : ""}`,
    ],
    ["created", moment(process.createdAt)],
    ["started", moment(process.startedAt)],
    ["ended", moment(process.endedAt)],
    ["stdout", linesOf(process.stdout)],
    ["stderr", linesOf(process.stderr)],
  ];
}

function linesOf(text: string): string[] {
  return (text.trimEnd() || "nothing").split(/\r?\n/);
}
