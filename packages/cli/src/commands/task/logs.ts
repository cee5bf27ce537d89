import { isFinished, pause, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { interruption } from "../../interruption.ts";
import { newCommand } from "../../invocation.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** How often new lines are looked for, ms. */
const FOLLOW_INTERVAL = 500;

/** `manyhands task logs <id>` */
export function taskLogsCommand(): Command {
  const command = newCommand("logs", {
    summary: "print the log and the output of a task",
    examples: [["manyhands task logs k3f9-17 --follow", "until it is finished"]],
  });
  return command
    .argument("<id>", "id of the task")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .option("-f, --follow", "go on until the task is finished")
    .action(
      onNamespace<{ follow?: true } & InPool>(async ({ args, options, printer, inspector }) => {
        const id = String(args[0]);
        using stop = interruption();
        const all: string[] = [];
        for (let from = 0; ; ) {
          // Before the lines are read, so that the last ones of a finished task are not missed.
          const task = options.follow ? await inspector.tasks.get(id, inPool(options)) : null;
          const log = await inspector.tasks.logs(id, { from, ...inPool(options) });
          if (!log) throw noSuchTask(id);
          from = log.next;
          if (log.missed > 0) printer.warn(`${plural(log.missed, "line")} before this one are not kept any more`);
          for (const line of log.lines) {
            if (printer.format === "json") all.push(line);
            else if (printer.format === "ndjson") printer.json({ line });
            else printer.line(line, { indent: "" });
          }
          const over = !options.follow || isFinished(task?.state ?? "unknown");
          if (over || stop.signal.aborted) break;
          await pause(FOLLOW_INTERVAL, { signal: stop.signal }).catch(() => {});
        }
        if (printer.format === "json") printer.json(all);
        return stop.signal.aborted ? EXIT.cancelled : EXIT.done;
      }),
    );
}
