import { randomBytes } from "node:crypto";
import { type AsyncResult, connect, RedisUnfitError, type SubmitOptions } from "@manyhands/core";
import { viewError, within } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../../failure/exit-code.ts";
import { type Interruption, interruption } from "../../interruption.ts";
import type { Printer } from "../../output/printer.ts";
import type { Settings } from "../../settings/settings.ts";
import { reportLate, reportTaskError } from "../task/report-task-error.ts";

/** Longest time in which a cancellation is sent before the command gives up, ms. */
const CANCEL_DEADLINE = 2_000;

export interface WaitedCall {
  task: string;
  args: unknown[];
  pool: string;
  /** The pool's size, which must not change by our using it. */
  size: number | null;
  submit: SubmitOptions;
  /** Milliseconds from now. */
  timeout: number | undefined;
  settings: Settings;
  printer: Printer;
  /** Notes the submission in the audit log. */
  recorded: (submit: () => Promise<void>) => Promise<void>;
}

/**
 * Submits a call, waits, and ends as it ended: the result goes to stdout, an error with its remote stack to stderr.
 * Ctrl-C and the timeout cancel the task.
 */
export async function submitAndWait(connection: Connection, call: WaitedCall): Promise<ExitCode> {
  const { settings, printer } = call;
  using stop = interruption();
  const mp = await connect({
    redis: settings.redis.value,
    namespace: settings.namespace.value,
    logger: { info: () => {}, warn: (text) => printer.warn(text), error: (text) => printer.warn(text) },
  });
  try {
    const id = `${randomBytes(8).toString("hex")}-1`;
    const pool = mp.pool(call.size ?? undefined, { name: call.pool });
    const startedAt = performance.now();
    let result: AsyncResult<unknown> | undefined;
    await call.recorded(async () => {
      result = pool.applyAsync(call.task, call.args, { ...call.submit, jobId: id });
      const submitted = result.submitted().catch(() => {});
      await within(submitted, call.timeout ?? Number.POSITIVE_INFINITY, { signal: stop.signal }).catch(() => {});
    });
    if (result === undefined) throw new Error("the audit log made no submission");
    const left = call.timeout === undefined ? undefined : Math.max(0, call.timeout - (performance.now() - startedAt));
    await untilReady(result, stop, left);
    if (result.ready()) return await finish(result, { id, task: call.task, printer });
    const interrupted = stop.signal.aborted;
    const outcome = await cancel(
      connection,
      { id, pool: call.pool },
      interrupted ? "Ctrl-C" : `not finished after ${call.timeout} ms`,
    );
    const words = wordsFor(outcome, { id, dedup: call.submit.deduplication?.id });
    if (interrupted) {
      printer.words(outcome === "cancelled" ? `cancelled ${words}` : words);
      return EXIT.cancelled;
    }
    const late =
      outcome === "cancelled" ? `${words} was not finished after ${call.timeout} ms and was cancelled` : words;
    return reportLate(late, { id, printer });
  } finally {
    await mp.close();
  }
}

/** Returns when there is a result, the time is over, or Ctrl-C was pressed. */
async function untilReady(
  result: AsyncResult<unknown>,
  stop: Interruption,
  timeout: number | undefined,
): Promise<void> {
  try {
    await result.wait({ signal: stop.signal, timeout });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

async function finish(
  result: AsyncResult<unknown>,
  call: { id: string; task: string; printer: Printer },
): Promise<ExitCode> {
  const { id, task, printer } = call;
  try {
    printer.json(await result.get());
    return EXIT.done;
  } catch (error) {
    const view = viewError(error);
    if (view.host === null && isRefusal(error)) throw notSubmitted(task, error as Error);
    const where = view.host === null ? "" : ` on ${view.host}, pid ${view.pid}`;
    return reportTaskError(error, { id, title: `task "${task}" (${id})${where}`, printer });
  }
}

/** Redis refused the task: it is not there, and nothing of it ran. */
export function notSubmitted(task: string, refusal: Error): RedisUnfitError {
  if (refusal instanceof RedisUnfitError && refusal.message.includes(" was not submitted: ")) return refusal;
  return new RedisUnfitError(`task "${task}" was not submitted: ${refusal.message}`, { cause: refusal });
}

/** Redis answered, and did not do it: in a state that has words of ours, or because a key holds another type. */
export function isRefusal(error: unknown): boolean {
  return exitCodeOf(error) === EXIT.redis || (error as Error | null)?.name === "ReplyError";
}

/** What became of a cancellation; `absent`: nothing of that id was submitted. */
type Cancellation = "cancelled" | "absent" | "unanswered";

async function cancel(
  { inspector }: Connection,
  { id, pool }: { id: string; pool: string },
  reason: string,
): Promise<Cancellation> {
  const cancelling = inspector.tasks.cancel(id, { reason, pool });
  const answer = await within(cancelling, CANCEL_DEADLINE, { ref: false }).catch(() => undefined);
  if (!answer) return "unanswered";
  return answer.value.outcome === "unknown" ? "absent" : "cancelled";
}

function wordsFor(outcome: Cancellation, { id, dedup }: { id: string; dedup: string | undefined }): string {
  if (outcome === "cancelled") return `task ${id}`;
  if (outcome === "unanswered")
    return `task ${id} could not be cancelled, because Redis does not answer; it may still run`;
  if (dedup === undefined) return `task ${id} was not submitted, or nothing is kept of it any more`;
  return `the task with the deduplication id "${dedup}" was running before, and continues`;
}
