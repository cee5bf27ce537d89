import type { Inspector } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing, type Deed } from "./act-on-tasks.ts";

/** `manyhands task rm <id…> | <filters>` */
export function taskRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove tasks that do not run, with their outcomes",
    examples: [
      ["manyhands task rm k3f9-17", "its callers get a CancelledError"],
      ["manyhands task rm --state completed --until 7d -y", "all that were submitted before"],
    ],
  });
  return addActing(command.alias("remove"), { verb: "remove" }).action(
    onNamespace<ActOptions>(({ args, options, printer, inspector }) =>
      actOnTasks({ inspector, printer, options, ids: args[0] as string[], deed: removing(inspector) }),
    ),
  );
}

export function removing({ tasks }: Inspector): Deed {
  return {
    ...{ action: "remove", past: "removed" },
    async one(id, pool) {
      const outcome = await tasks.remove(id, { pool });
      if (outcome.outcome === "unknown") return null;
      if (outcome.outcome === "running") {
        const where = outcome.host === null ? "" : ` on host "${outcome.host}"`;
        throw new UsageError(`task ${id} runs${where}; first: manyhands task cancel ${id}`);
      }
      return { value: { id, ...outcome }, words: `task ${id} is removed from pool "${outcome.pool}"` };
    },
  };
}
