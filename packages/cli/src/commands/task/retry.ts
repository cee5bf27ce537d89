import type { Inspector } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing, type Deed } from "./act-on-tasks.ts";

/** `manyhands task retry <id…> | <filters>` */
export function taskRetryCommand(): Command {
  const command = newCommand("retry", {
    summary: "return failed and cancelled tasks to their queue, with all their attempts",
    examples: [
      ["manyhands task retry k3f9-17", "run it again under the same id"],
      ["manyhands task retry --error timeout --since 24h -y", "all that failed so"],
    ],
  });
  return addActing(command, { verb: "retry" }).action(
    onNamespace<ActOptions>(({ args, options, printer, inspector }) =>
      actOnTasks({ inspector, printer, options, ids: args[0] as string[], deed: retrying(inspector) }),
    ),
  );
}

export function retrying({ tasks }: Inspector): Deed {
  return {
    ...{ action: "retry", past: "put back into their queue" },
    async one(id, pool) {
      const outcome = await tasks.retry(id, { pool });
      if (outcome.outcome === "unknown") return null;
      if (outcome.outcome === "not-failed") {
        throw new UsageError(`task ${id} is ${outcome.state}; only a failed or cancelled task can be retried`);
      }
      return { value: { id, ...outcome }, words: `task ${id} is back in the queue of pool "${outcome.pool}"` };
    },
  };
}
