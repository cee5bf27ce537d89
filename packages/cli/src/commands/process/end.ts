import { type EndingOutcome, exitCodeOfEnding, type ProcessRecord } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { findProcess } from "./find-process.ts";

/** `manyhands process terminate|kill <process…> -y` */
export function processEndCommand(how: "terminate" | "kill"): Command {
  const signal = how === "kill" ? "SIGKILL" : "SIGTERM";
  const command = newCommand(how, {
    summary: `end processes with ${signal}: exit code ${exitCodeOfEnding(how)}`,
    examples: [
      [`manyhands process ${how} Process-1`, "say what it would do"],
      [`manyhands process ${how} Process-1 -y`, "does it"],
    ],
  });
  return command
    .argument("<process...>", "ids, or names of live processes")
    .option("-y, --yes", "do it; without this the command only say what it would do")
    .action(
      onNamespace<{ yes?: true }>(async ({ args, options, printer, inspector }) => {
        const processes: ProcessRecord[] = [];
        for (const name of args[0] as string[]) processes.push(await findProcess({ inspector }, name));
        if (!options.yes) {
          const list = processes.map((process) => `  ${describe(process)}`);
          throw new UsageError([`this would ${how}:`, ...list, "add -y to do it"]);
        }
        for (const process of processes) {
          const outcome = await inspector.processes[how](process.id);
          printer.change({ id: process.id, name: process.name, outcome }, `${describe(process)} ${OUTCOMES[outcome]}`);
        }
      }),
    );
}

function describe({ name, id, host, pid }: ProcessRecord): string {
  return `process "${name}" (${id}${pid === null ? "" : `, pid ${pid} on ${host}`})`;
}

const OUTCOMES: Readonly<Record<EndingOutcome, string>> = {
  told: "is being terminated by its host",
  withdrawn: "was ended before it started",
  ended: "has ended already",
  unknown: "is gone",
};
