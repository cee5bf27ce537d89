import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task promote <id…>` */
export function taskPromoteCommand(): Command {
  const command = newCommand("promote", {
    summary: "have delayed tasks start now",
    examples: [["manyhands task promote k3f9-17", "it waits for its turn and no longer for its time"]],
  });
  return command
    .argument("<id...>", "ids of delayed tasks")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .action(
      onNamespace<InPool>(async ({ args, options, printer, inspector }) => {
        const ids = args[0] as string[];
        for (const id of ids) {
          const outcome = await inspector.tasks.promote(id, inPool(options));
          if (outcome.outcome === "unknown") throw noSuchTask(id);
          if (outcome.outcome === "not-delayed") {
            throw new UsageError(`task ${id} is ${outcome.state}; only a delayed task can be promoted`);
          }
          printer.change({ id, ...outcome }, `task ${id} is in the queue of pool "${outcome.pool}"`);
        }
      }),
    );
}
