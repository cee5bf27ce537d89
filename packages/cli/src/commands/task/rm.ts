import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task rm <id…>` */
export function taskRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove tasks that do not run, with their outcomes",
    examples: [["manyhands task rm k3f9-17", "its callers get a CancelledError"]],
  });
  return command
    .alias("remove")
    .argument("<id...>", "ids of tasks")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .action(
      onNamespace<InPool>(async ({ args, options, printer, inspector }) => {
        const ids = args[0] as string[];
        for (const id of ids) {
          const outcome = await inspector.tasks.remove(id, inPool(options));
          if (outcome.outcome === "unknown") throw noSuchTask(id);
          if (outcome.outcome === "running") {
            const where = outcome.host === null ? "" : ` on host "${outcome.host}"`;
            throw new UsageError(`task ${id} runs${where}; first: manyhands task cancel ${id}`);
          }
          printer.change({ id, ...outcome }, `task ${id} is removed from pool "${outcome.pool}"`);
        }
      }),
    );
}
