import type { Command } from "commander";
import { newCommand } from "../../invocation.ts";
import { addShowing } from "../task/show.ts";

/** `manyhands dead show <id>` */
export function deadShowCommand(): Command {
  const command = newCommand("show", {
    summary: "one failed task: arguments, error with its remote stack, where and when it ran",
    examples: [["manyhands dead show k3f9-17", "as task show"]],
  });
  return addShowing(command);
}
