import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { type ActOptions, actOnTasks, addActing } from "../task/act-on-tasks.ts";
import { retrying } from "../task/retry.ts";

/** `manyhands dead redrive <id…> | <filters>` */
export function deadRedriveCommand(): Command {
  const command = newCommand("redrive", {
    summary: "return failed tasks to their queue, with all their attempts",
    examples: [
      ["manyhands dead redrive k3f9-17", "one of them"],
      ["manyhands dead redrive", "say how many tasks have failed"],
      ["manyhands dead redrive --task resize -y", "all of a task"],
    ],
  });
  return addActing(command.alias("retry"), { verb: "redrive", hasState: false }).action(
    onNamespace<ActOptions>(({ args, options, printer, inspector }) =>
      actOnTasks({
        ...{ inspector, printer, options, ids: args[0] as string[] },
        ...{ deed: retrying(inspector), always: { state: "failed" } },
      }),
    ),
  );
}
