import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task retry <id…>` */
export function taskRetryCommand(): Command {
  const command = newCommand("retry", {
    summary: "return failed or cancelled tasks to their queue, with all their attempts",
    examples: [["manyhands task retry k3f9-17", "run it again under the same id"]],
  });
  return command
    .argument("<id...>", "ids of failed or cancelled tasks")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .action(
      onNamespace<InPool>(async ({ args, options, printer, inspector }) => {
        const ids = args[0] as string[];
        for (const id of ids) {
          const outcome = await inspector.tasks.retry(id, inPool(options));
          if (outcome.outcome === "unknown") throw noSuchTask(id);
          if (outcome.outcome === "not-failed") {
            throw new UsageError(`task ${id} is ${outcome.state}; only a failed or cancelled task can be retried`);
          }
          printer.change({ id, ...outcome }, `task ${id} is back in the queue of pool "${outcome.pool}"`);
        }
      }),
    );
}
