import type { CancelOutcome } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task cancel <id…>` */
export function taskCancelCommand(): Command {
  const command = newCommand("cancel", {
    summary: "cancel tasks: one that waits is taken out, one that runs is stopped by its host",
    examples: [["manyhands task cancel k3f9-17 --reason 'wrong input'", "its caller gets a CancelledError"]],
  });
  return command
    .argument("<id...>", "ids of tasks")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .option("--reason <text>", "reason for the caller", "cancelled from the command line")
    .action(
      onNamespace<{ reason: string } & InPool>(async ({ args, options, printer, inspector }) => {
        const ids = args[0] as string[];
        for (const id of ids) {
          const outcome = await inspector.tasks.cancel(id, { reason: options.reason, ...inPool(options) });
          if (outcome.outcome === "unknown") throw noSuchTask(id);
          printer.change({ id, ...outcome }, `task ${id} ${describe(outcome)}`);
        }
      }),
    );
}

function describe(outcome: Exclude<CancelOutcome, { outcome: "unknown" }>): string {
  if (outcome.outcome === "removed")
    return `was cancelled before it started, and taken out of the queue of pool "${outcome.pool}"`;
  if (outcome.outcome === "finished") return `is ${outcome.state} already; nothing to cancel`;
  return outcome.host === null ? "is being stopped" : `is being stopped on host "${outcome.host}"`;
}
