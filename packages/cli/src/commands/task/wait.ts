import { CancelledError, type Context, connect, TaskUnknownError, TimeoutError } from "@manyhands/core";
import { viewError } from "@manyhands/core/internal";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { interruption } from "../../interruption.ts";
import { action, newCommand } from "../../invocation.ts";
import type { Printer } from "../../output/printer.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";
import { reportLate, reportTaskError } from "./report-task-error.ts";

interface Options extends InPool {
  timeout?: number;
}

/** `manyhands task wait <id…>` */
export function taskWaitCommand(): Command {
  const command = newCommand("wait", {
    summary: "wait for tasks, print their results and end as they ended",
    examples: [
      ["manyhands task wait k3f9-17", "its result as JSON, or its error and exit code 1"],
      ["manyhands task wait k3f9-17 k3f9-18 --timeout 60000", "a line each; 124 when one is not finished in time"],
    ],
  });
  return command
    .argument("<id...>", "ids of tasks")
    .option("--pool <name>", "pool of the tasks, where several have one of that id")
    .option("--timeout <ms>", "wait no longer; the tasks go on", wholeNumber("--timeout", { from: 0 }))
    .action(
      action<Options>(async ({ args, options, settings, printer }) => {
        const ids = args[0] as string[];
        using stop = interruption();
        const mp = await connect({
          redis: settings.redis.value,
          namespace: settings.namespace.value,
          logger: { info: () => {}, warn: (text) => printer.warn(text), error: (text) => printer.warn(text) },
        });
        try {
          const isOnly = ids.length === 1;
          const results = printer.format === "json" && !isOnly ? [] : null;
          const wait: Wait = { mp, options, signal: stop.signal, printer, isOnly, results };
          const codes = await Promise.all(ids.map((id) => waitFor(id, wait)));
          // One document, and so none before the last task has ended.
          if (wait.results) printer.json(wait.results);
          return codes.find((code) => code !== EXIT.done) ?? EXIT.done;
        } finally {
          await mp.close();
        }
      }),
    );
}

interface Wait {
  mp: Context;
  options: Options;
  signal: AbortSignal;
  printer: Printer;
  /** Its result is all of the output. */
  isOnly: boolean;
  /** What is printed at the end; null = each result as it comes. */
  results: { id: string; result: unknown }[] | null;
}

async function waitFor(id: string, { mp, options, signal, printer, isOnly, results }: Wait): Promise<ExitCode> {
  try {
    const { timeout } = options;
    const value = await mp.task(id, inPool(options)).get({ signal, ...(timeout === undefined ? {} : { timeout }) });
    if (isOnly) printer.json(value);
    else if (results) results.push({ id, result: value });
    else printer.json({ id, result: value });
    return EXIT.done;
  } catch (error) {
    if (error instanceof TaskUnknownError) throw noSuchTask(id);
    if (signal.aborted) return EXIT.cancelled;
    const view = viewError(error);
    if (error instanceof TimeoutError && view.host === null) return reportLate(error.message, { id, printer });
    // The command's own error, such as for an id that two pools have.
    if (view.host === null && !(error instanceof CancelledError)) throw error;
    return reportTaskError(error, { id, title: `task ${id}`, printer });
  }
}
