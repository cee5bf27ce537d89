import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing } from "./act-on-tasks.ts";

/** `manyhands task promote <id…> | <filters>` */
export function taskPromoteCommand(): Command {
  const command = newCommand("promote", {
    summary: "have delayed tasks start now",
    examples: [
      ["manyhands task promote k3f9-17", "it waits for its turn and no longer for its time"],
      ["manyhands task promote --pool mail -y", "all delayed tasks of a pool"],
    ],
  });
  return addActing(command, { verb: "promote" }).action(
    onNamespace<ActOptions>(({ args, options, printer, inspector }) =>
      actOnTasks({
        ...{ inspector, printer, options, ids: args[0] as string[] },
        deed: {
          ...{ action: "promote", past: "promoted" },
          async one(id, pool) {
            const outcome = await inspector.tasks.promote(id, { pool });
            if (outcome.outcome === "unknown") return null;
            if (outcome.outcome === "not-delayed") {
              throw new UsageError(`task ${id} is ${outcome.state}; only a delayed task can be promoted`);
            }
            return { value: { id, ...outcome }, words: `task ${id} is in the queue of pool "${outcome.pool}"` };
          },
        },
      }),
    ),
  );
}
