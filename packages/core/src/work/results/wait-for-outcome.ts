import { StateLostError, TaskUnknownError, TimeoutError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { type Milliseconds, waitWith } from "../../time/index.ts";
import { followJob } from "./follow-job.ts";
import type { ResultChannel } from "./result-channel.ts";
import { type AnswerSink, failed, type Outcome, Ticket } from "./ticket.ts";

/** A job that was there is looked for a second time before it counts as lost, ms. */
const MISSING_FOR: Milliseconds = 2_000;

/** The task that is waited for. */
interface WaitedTask {
  pool: string;
  jobId: string;
  /** One call of a job that several calls share; null = the job holds one call. */
  unit: number | null;
  /** Calls in the job. */
  units: number;
}

/** A ticket for one call of a job, which may hold more. */
class CallTicket extends Ticket {
  readonly #unit: number;
  readonly #units: number;

  constructor(options: { id: string; task: WaitedTask; sink: AnswerSink }) {
    const { id, task, sink } = options;
    super({ id, jobId: task.jobId, pool: task.pool, task: "", units: 1, sink });
    this.#unit = task.unit ?? 0;
    this.#units = task.units;
    this.mayExist = true;
  }

  override get unitsOfJob(): number {
    return this.#units;
  }

  override answer(unit: number, outcome: Outcome): void {
    if (unit === this.#unit) super.answer(0, outcome);
  }

  override fail(error: unknown): void {
    super.answer(0, failed(error));
  }
}

/** How long an outcome is waited for. */
interface OutcomeWait {
  /** What is left of the time, ms; Infinity = no limit. */
  limit: Milliseconds;
  /** What was asked for, ms; 0 or less = one look, which may take `limit`. */
  asked: Milliseconds;
  signal: AbortSignal | undefined;
}

let waits = 0;

/**
 * Waits for a task, whichever program submitted it, and gives its value.
 *
 * @throws the task's own error; TaskUnknownError when Redis does not keep it; StateLostError when it was removed meanwhile;
 *   TimeoutError when the time is over; the signal's reason
 */
export async function waitForOutcome(
  { results, logger }: { results: ResultChannel; logger: Logger },
  task: WaitedTask,
  { limit, signal, asked }: OutcomeWait,
): Promise<unknown> {
  const isOneLook = asked <= 0;
  signal?.throwIfAborted();
  const waiting: { outcome?: Outcome; isOver: boolean; wake: () => void } = { isOver: false, wake: () => {} };
  const sink: AnswerSink = {
    answer: (_, outcome) => {
      if (waiting.isOver) return;
      waiting.outcome = outcome;
      waiting.wake();
    },
  };
  waits += 1;
  const ticket = new CallTicket({ id: `wait ${waits}`, task, sink });
  const name = task.unit === null ? task.jobId : `${task.jobId}.${task.unit}`;
  results.expect(ticket);
  void followJob(results, ticket, {
    jobId: task.jobId,
    missingFor: MISSING_FOR,
    missing: (wasSeen) =>
      wasSeen
        ? new StateLostError(`task ${name} in pool "${task.pool}" was removed before it had an outcome`)
        : new TaskUnknownError(`no task ${name} is kept in pool "${task.pool}"`),
    logger,
    onLooked: isOneLook ? () => waiting.wake() : undefined,
  });
  try {
    // Where the channel is closed already, the ticket has failed at once.
    if (!waiting.outcome) {
      await waitWith(limit, { signal }, (done) => {
        waiting.wake = done;
        return () => {};
      });
    }
  } finally {
    waiting.isOver = true;
    if (!ticket.settled) ticket.fail(undefined);
    results.settle(ticket);
  }
  const { outcome } = waiting;
  if (!outcome) throw new TimeoutError(`task ${name} has no outcome within ${asked} ms; it is still under way`);
  if (!outcome.ok) throw outcome.value;
  return outcome.value;
}
