import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { parseList } from "../submit/read-arguments.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task change <id>` */
export function taskChangeCommand(): Command {
  const command = newCommand("change", {
    summary: "change the priority, delay or arguments of a task that has not started",
    examples: [
      ["manyhands task change k3f9-17 --priority 1 --delay 0", "it starts as soon as a slot is free"],
      [`manyhands task change k3f9-17 --args '["b.png"]'`, "other arguments, as one JSON array"],
    ],
  });
  return command
    .argument("<id>", "id of a task that waits")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .option(
      "--priority <n>",
      "1 (first) to 2097151 (last); 0 = none",
      wholeNumber("--priority", { from: 0, to: 2_097_151 }),
    )
    .option(
      "--delay <ms>",
      "milliseconds from now before it may start; 0 = at once",
      wholeNumber("--delay", { from: 0, unit: "milliseconds" }),
    )
    .option("--args <json>", "its arguments, as one JSON array")
    .action(
      onNamespace<InPool & { priority?: number; delay?: number; args?: string }>(
        async ({ args: words, options, printer, inspector }) => {
          const id = String(words[0]);
          const { priority, delay, args } = options;
          if (priority === undefined && delay === undefined && args === undefined) {
            throw new UsageError("name what to change: --priority, --delay or --args");
          }
          const change = { priority, delay, args: args === undefined ? undefined : parseList(args, "--args") };
          const outcome = await inspector.tasks.change(id, change, inPool(options));
          if (outcome.outcome === "unknown") throw noSuchTask(id);
          if (outcome.outcome === "not-waiting") {
            throw new UsageError(`task ${id} is ${outcome.state}; only a task that has not started can be changed`);
          }
          printer.change({ id, ...outcome }, `task ${id} is changed: ${outcome.state} in pool "${outcome.pool}"`);
        },
      ),
    );
}
