import { CancelledError, ClosedError, StateLostError, TimeoutError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { type Milliseconds, waitWith } from "../../time/index.ts";
import { type Outcome, type ResultChannel, Ticket } from "../results/index.ts";
import type { WorkflowRow } from "../submission/workflow-tree.ts";
import { readWorkflow, watchWorkflow } from "./workflow-engine.ts";
import { type WorkflowContext, type WorkflowState, workflowUpdatesName } from "./workflow-record.ts";
import { readNodeResult } from "./workflow-results.ts";
import { failureOf, toRow } from "./workflow-view.ts";

/** Between two looks at a workflow of which no host sends word, ms, from the first to the last. */
const FIRST_INTERVAL: Milliseconds = 2_000;
const LAST_INTERVAL: Milliseconds = 10_000;
/** Between two looks at how far it has come, ms. */
const PROGRESS_INTERVAL: Milliseconds = 500;

/** What a wait for a workflow needs. */
export interface WorkflowWatch extends WorkflowContext {
  results: ResultChannel;
  /** Of this program: hosts tell it in its reply stream. */
  clientId: string;
  logger: Logger;
}

/** How long it is waited for. */
interface WorkflowWait {
  /** What is left of the time, ms; Infinity = no limit. */
  limit: Milliseconds;
  /** What was asked for, ms; 0 or less = one look. */
  asked: Milliseconds;
  signal: AbortSignal | undefined;
}

/** Whether nothing more happens to a workflow, unless it is retried. */
function isOver(state: WorkflowState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/**
 * Waits for a workflow, whichever program submitted it, and gives the result of its last part.
 *
 * @throws what failed it; CancelledError; StateLostError when it was removed meanwhile; TimeoutError when the time is over;
 *   the signal's reason
 */
export async function waitForWorkflow(watch: WorkflowWatch, id: string, wait: WorkflowWait): Promise<unknown> {
  const { client, keys } = watch;
  const endsAt = performance.now() + wait.limit;
  using bell = new WorkflowBell(watch, id);
  for (let interval = FIRST_INTERVAL; ; ) {
    bell.heard = false;
    const state = await look(watch, id);
    if (state === null) throw new StateLostError(`workflow ${id} was removed before it had a result`);
    if (state !== undefined && isOver(state)) break;
    const left = endsAt - performance.now();
    const isRung = wait.asked > 0 && (await bell.next(Math.min(interval, left), wait.signal));
    interval = isRung ? FIRST_INTERVAL : Math.min(LAST_INTERVAL, interval * 1.5);
    if (!isRung && (wait.asked <= 0 || performance.now() >= endsAt)) {
      throw new TimeoutError(`workflow ${id} has no result within ${wait.asked} ms; it is still under way`);
    }
  }
  const record = await readWorkflow({ client, keys }, id);
  if (record === null) throw new StateLostError(`workflow ${id} was removed before its result was read`);
  if (record.state === "completed") return (await readNodeResult({ client, keys }, id, 0)).value;
  if (record.state === "cancelled") {
    throw new CancelledError(`workflow ${id} was cancelled: ${record.reason || "without a reason"}`);
  }
  // It has been retried in between.
  if (record.state !== "failed") return waitForWorkflow(watch, id, { ...wait, limit: endsAt - performance.now() });
  throw failureOf(record);
}

/**
 * The rows of a workflow as it goes on, whenever its state or its counts change, until it has ended or is removed (null).
 *
 * @throws TimeoutError when the time is over; the signal's reason
 */
export async function* followWorkflow(
  watch: WorkflowWatch,
  id: string,
  { limit, asked, signal }: WorkflowWait,
): AsyncGenerator<WorkflowRow | null, void, undefined> {
  const { client, keys } = watch;
  const endsAt = performance.now() + limit;
  using bell = new WorkflowBell(watch, id);
  let told: string | undefined;
  while (true) {
    bell.heard = false;
    const state = await look(watch, id);
    const record = state === undefined ? undefined : await readWorkflow({ client, keys }, id);
    if (record === null) return yield null;
    if (record !== undefined) {
      const row = toRow(record);
      const text = JSON.stringify([row.state, row.steps]);
      if (text !== told) yield row;
      told = text;
      if (isOver(record.state)) return;
    }
    const isRung = await bell.next(Math.min(PROGRESS_INTERVAL, endsAt - performance.now()), signal);
    if (!isRung && performance.now() >= endsAt) {
      throw new TimeoutError(`workflow ${id} is not finished within ${asked} ms; it is still under way`);
    }
  }
}

/** @returns undefined while Redis is away; null when there is no such workflow */
async function look(watch: WorkflowWatch, id: string): Promise<WorkflowState | null | undefined> {
  const { client, keys, clientId, logger } = watch;
  try {
    return await watchWorkflow({ client, keys }, id, clientId);
  } catch (error) {
    if (error instanceof ClosedError || client.status === "ready" || client.status === "end") throw error;
    logger.warn(`looking at workflow ${id} failed, trying again: ${(error as Error).message}`);
    return undefined;
  }
}

let watches = 0;

/** Rings when a host sends word that a workflow has ended. */
class WorkflowBell {
  heard = false;
  readonly #results: ResultChannel;
  readonly #stopListening: () => void;
  readonly #ticket: Ticket;
  #ring: () => void = () => {};
  /** The context was closed. */
  #closed: Outcome | undefined;
  #isStopped = false;

  constructor({ results }: WorkflowWatch, id: string) {
    watches += 1;
    this.#results = results;
    // Holds the program open, and has the reply stream read.
    this.#ticket = new Ticket({
      ...{ id: `workflow ${watches}`, jobId: id, pool: "", task: "", units: 1 },
      sink: {
        answer: (_, outcome) => {
          if (!this.#isStopped) this.#closed = outcome;
          this.#hear();
        },
      },
    });
    this.#ticket.mayExist = true;
    this.#stopListening = results.listen(workflowUpdatesName(id), () => this.#hear());
    results.expect(this.#ticket);
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    this.#stopListening();
    if (!this.#ticket.settled) this.#ticket.fail(undefined);
    this.#results.settle(this.#ticket);
  }

  /** @returns whether it rang within so many ms, or since `heard` was set back */
  async next(limit: Milliseconds, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    const isRung =
      this.heard ||
      (limit > 0 &&
        (await waitWith(limit, { signal }, (done) => {
          this.#ring = done;
          return () => {
            this.#ring = () => {};
          };
        })));
    if (this.#closed) throw this.#closed.value;
    return isRung;
  }

  #hear(): void {
    this.heard = true;
    this.#ring();
  }
}
