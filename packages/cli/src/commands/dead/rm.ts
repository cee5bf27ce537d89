import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing } from "../task/act-on-tasks.ts";
import { removing } from "../task/rm.ts";

/** `manyhands dead rm <id…> | <filters>` */
export function deadRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove failed tasks with what is kept of them",
    examples: [["manyhands dead rm --until 30d -y", "those that were submitted more than 30 days ago"]],
  });
  return addActing(command.alias("remove"), { verb: "remove", hasState: false }).action(
    onNamespace<ActOptions>(({ args, options, printer, inspector }) => {
      const deed = removing(inspector);
      return actOnTasks({
        ...{ inspector, printer, options, ids: args[0] as string[], always: { state: "failed" } },
        deed: {
          ...deed,
          async one(id, pool) {
            const state = await inspector.tasks.state(id, { pool });
            if (state === "failed") return deed.one(id, pool);
            throw new UsageError(`task ${id} is ${state}, and has not failed; see: manyhands task rm`);
          },
        },
      });
    }),
  );
}
