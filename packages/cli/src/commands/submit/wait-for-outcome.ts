import { setTimeout as sleep } from "node:timers/promises";
import type { TaskView } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { EXIT, type ExitCode, exitCodeOfTask } from "../../failure/exit-code.ts";
import { interruption } from "../../interruption.ts";
import { colors } from "../../output/colors.ts";
import { toJson } from "../../output/json-text.ts";
import type { Printer } from "../../output/printer.ts";
import { describeError } from "../task/show.ts";

/** How often the job is looked at: soon at first, then less often, ms. */
const FIRST_LOOK = 10;
const SLOWEST_LOOK = 250;
/** Longest time in which a cancellation is sent before the command gives up, ms. */
const CANCEL_DEADLINE = 2_000;

export interface WaitOptions {
  printer: Printer;
  /** Milliseconds from now. */
  timeout: number | undefined;
}

/**
 * Waits for a submitted task and ends as it ended: the result goes to stdout, an error with its remote stack to stderr.
 * Ctrl-C and the timeout cancel the task.
 */
export async function waitForOutcome(connection: Connection, id: string, options: WaitOptions): Promise<ExitCode> {
  const { printer, timeout } = options;
  using stop = interruption();
  const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
  for (let pause = FIRST_LOOK; ; pause = Math.min(SLOWEST_LOOK, pause * 1.5)) {
    const finished = await isFinished(connection, id);
    if (finished) return finish(finished, printer);
    if (stop.signal.aborted) {
      await cancel(connection, id, "Ctrl-C");
      printer.words(`cancelled task ${id}`);
      return EXIT.cancelled;
    }
    const left = deadline - performance.now();
    if (left <= 0) {
      await cancel(connection, id, `not finished after ${timeout} ms`);
      printer.words(`${colors.red("timed out:")} task ${id} was not finished after ${timeout} ms and was cancelled`);
      return EXIT.timedOut;
    }
    await sleep(Math.min(pause, left), undefined, { signal: stop.signal }).catch(() => {});
  }
}

async function isFinished({ inspector }: Connection, id: string): Promise<TaskView | "removed" | null> {
  const task = await inspector.task(id);
  if (!task) return "removed";
  return task.finishedAt !== null && (task.state === "completed" || task.state === "failed") ? task : null;
}

function finish(task: TaskView | "removed", printer: Printer): ExitCode {
  if (task === "removed") {
    printer.words(`${colors.red("cancelled:")} the task was taken out of its queue before it started`);
    return EXIT.cancelled;
  }
  if (task.error === null && task.state === "completed") {
    printer.line(toJson(task.result, printer.format === "json" ? 2 : undefined));
    return EXIT.done;
  }
  const error = task.error ?? { name: "Error", message: task.failedReason ?? "unknown", code: null };
  const where = task.host === null ? "" : ` on ${task.host}${task.pid === null ? "" : `, pid ${task.pid}`}`;
  printer.words(`${colors.red("failed:")} task "${task.name}" (${task.id})${where}`);
  printer.words(task.error === null ? error.message : describeError(task.error));
  return exitCodeOfTask(error);
}

async function cancel({ inspector }: Connection, id: string, reason: string): Promise<void> {
  await Promise.race([
    inspector.cancelTask(id, reason).catch(() => {}),
    sleep(CANCEL_DEADLINE, undefined, { ref: false }),
  ]);
}
