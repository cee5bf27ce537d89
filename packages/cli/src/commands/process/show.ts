import { describeProcessQueue, type ProcessRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import type { Field } from "../../output/printer.ts";
import { moment } from "../../output/times.ts";
import { describeState } from "./describe-state.ts";
import { findProcess } from "./find-process.ts";

/** `manyhands process show <process>` */
export function processShowCommand(): Command {
  const command = newCommand("show", {
    summary: "show one process: host, exit code, last output",
    examples: [["manyhands process show Process-1", "by name or id"]],
  });
  return command.argument("<process>", "id, or name of a live process").action(
    onNamespace(async ({ args, printer, ...place }) => {
      const process = await findProcess(place, String(args[0]));
      printer.record(process, fieldsOf(process));
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
