import type { ProcessEnded, ProcessOrder, ProcessStarted } from "../../wire/records/process.ts";
import type { ProcessEnding } from "../../wire/records/records.ts";
import { type Outcome, Ticket } from "../results/index.ts";
import type { Runtime } from "../submission/index.ts";
import { Milestone } from "./milestone.ts";
import { outputName, printOutput } from "./output-relay.ts";
import { ENDED, PROCESS_ANSWERS, STARTED } from "./process-answers.ts";
import type { ProcessHandle } from "./process-starter.ts";

export interface StartedOptions {
  runtime: Runtime;
  order: ProcessOrder;
  target: string;
  queue: string;
  end: (how: ProcessEnding) => Promise<void>;
  onEnd: () => void;
}

/** A process that this program started: what its host has told of it so far. */
export class StartedProcess implements ProcessHandle {
  readonly order: ProcessOrder;
  readonly ticket: Ticket;
  readonly started: Milestone = new Milestone();
  readonly ended: Milestone = new Milestone();
  pid: number | null = null;
  host: string | null = null;
  exitcode: number | null = null;
  lost: string | null = null;
  /** Redis has it. */
  isSubmitted = false;
  readonly #runtime: Runtime;
  readonly #end: (how: ProcessEnding) => Promise<void>;
  readonly #onEnd: () => void;
  readonly #stopListening: () => void;

  constructor({ runtime, order, target, queue, end, onEnd }: StartedOptions) {
    this.order = order;
    this.#runtime = runtime;
    this.#end = end;
    this.#onEnd = onEnd;
    const sink = { answer: (unit: number, outcome: Outcome) => this.#hear(unit, outcome) };
    this.ticket = new Ticket({ jobId: order.id, pool: queue, task: target, units: PROCESS_ANSWERS, sink });
    // A program waits at its end for what it started, but not for daemons (P11).
    this.ticket.background = order.daemon;
    this.#stopListening = runtime.results.listen(outputName(order.id), printOutput);
    runtime.results.expect(this.ticket);
  }

  get hasEnded(): boolean {
    return this.ended.isReached;
  }

  end(how: ProcessEnding): Promise<void> {
    return this.#end(how);
  }

  during<Value>(wait: Promise<Value>): Promise<Value> {
    return this.#runtime.keepAlive.during(wait);
  }

  /** Learns from elsewhere than its host's answers where it runs, or how it ended; what is known already stays. */
  learn({ started, ended }: { started?: ProcessStarted; ended?: ProcessEnded }): void {
    if (started !== undefined) this.ticket.answer(STARTED, { ok: true, value: started, micros: 0 });
    if (ended) {
      this.ticket.answer(STARTED, { ok: true, value: null, micros: 0 });
      this.ticket.answer(ENDED, { ok: true, value: ended, micros: 0 });
    }
    if (this.ticket.settled) this.#runtime.results.settle(this.ticket);
  }

  #hear(unit: number, { ok, value }: Outcome): void {
    if (unit === STARTED) this.#hearStart(ok ? (value as ProcessStarted) : null);
    else this.#hearEnd(ok ? (value as ProcessEnded) : { exitcode: null, lost: (value as Error).message });
  }

  #hearStart(started: ProcessStarted): void {
    this.pid = started?.pid ?? null;
    this.host = started?.host ?? null;
    if (started) this.started.reach();
  }

  #hearEnd({ exitcode, lost }: ProcessEnded): void {
    this.exitcode = exitcode;
    this.lost = lost;
    this.#stopListening();
    this.started.reach();
    this.ended.reach();
    this.#onEnd();
  }
}
