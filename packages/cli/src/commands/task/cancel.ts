import type { CancelOutcome } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing } from "./act-on-tasks.ts";

/** `manyhands task cancel <id…> | <filters>` */
export function taskCancelCommand(): Command {
  const command = newCommand("cancel", {
    summary: "cancel tasks: one that waits is taken out, one that runs is stopped by its host",
    examples: [
      ["manyhands task cancel k3f9-17 --reason 'wrong input'", "its caller gets a CancelledError"],
      ["manyhands task cancel --tag nightly", "say how many tasks that wait or run this would cancel"],
      ["manyhands task cancel --tag nightly -y", "do it"],
    ],
  });
  return addActing(command, { verb: "cancel" })
    .option("--reason <text>", "reason for the caller", "cancelled from the command line")
    .action(
      onNamespace<{ reason: string } & ActOptions>(({ args, options, printer, inspector }) =>
        actOnTasks({
          ...{ inspector, printer, options, ids: args[0] as string[] },
          deed: {
            ...{ action: "cancel", past: "cancelled", reason: options.reason },
            async one(id, pool) {
              const outcome = await inspector.tasks.cancel(id, { pool, reason: options.reason });
              if (outcome.outcome === "unknown") return null;
              return { value: { id, ...outcome }, words: `task ${id} ${describe(outcome)}` };
            },
          },
        }),
      ),
    );
}

function describe(outcome: Exclude<CancelOutcome, { outcome: "unknown" }>): string {
  if (outcome.outcome === "removed")
    return `was cancelled before it started, and taken out of the queue of pool "${outcome.pool}"`;
  if (outcome.outcome === "finished") return `is ${outcome.state} already; nothing to cancel`;
  return outcome.host === null ? "is being stopped" : `is being stopped on host "${outcome.host}"`;
}
