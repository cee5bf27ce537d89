import { PayloadTooLargeError, StateLostError } from "../../errors/index.ts";
import { findTask } from "../../tasks/index.ts";
import { callersContext, startProducerSpan } from "../../tracing/index.ts";
import { encodeSeparately, encodeToString, unitsToJson } from "../../wire/codec/index.ts";
import { JOB_TICKET_OPTION, type JobEnvelope, submissionOf, type UnitKind } from "../../wire/records/job.ts";
import type { Limits } from "../../wire/records/limits.ts";
import { type AnswerSink, failed, followJob, type Outcome, Ticket } from "../results/index.ts";
import { dateDelays, type JobQueue, type Submission } from "./job-queue.ts";
import { noteLimitKey } from "./limit-key.ts";
import type { Runtime } from "./runtime.ts";
import { noteOptions, type SubmitOptions, toJobsOptions } from "./submit-options.ts";
import { type Unit, UnitBatcher, type UnitPlace } from "./unit-batcher.ts";

/** A job that is missing for so many ms is lost. */
const MISSING_FOR = 2_000;
export interface SubmitterOptions {
  pool: string;
  runtime: Runtime;
  jobs: JobQueue;
  /** Resolves when the pool exists in Redis; submissions wait for it. */
  ready: () => Promise<void>;
  parallelism: () => number;
  /** A host takes calls of the pool, or is about to. */
  isServed: () => boolean;
  /** Most calls of the pool that one child may run; null = any number. */
  tasksPerChild: () => number | null;
  /** Computes the key of the pool's limits, as this program was told. */
  limitKey?: () => Limits["key"];
  /** Called when jobs have been added to the pool. */
  onAdded: () => void;
  /** Cancels calls that are in Redis by now. */
  cancel: (places: UnitPlace[], reason: string) => Promise<unknown>;
}

/**
 * Turns units into BullMQ jobs of one pool and brings each answer to the unit it belongs to.
 *
 * A unit with options of its own is a job of its own; all others go through the batcher of their task.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #batchers = new Map<string, UnitBatcher>();
  /** What each job without a complete answer holds; of most jobs that is one unit. */
  readonly #tickets = new Map<Ticket, Unit | Unit[]>();
  /** Of the jobs of each task, by `<kind> <task>`. */
  readonly #sinks = new Map<string, AnswerSink>();
  /** What fails the work that is still being prepared. */
  readonly #reserved = new Set<(error: Error) => void>();
  /** Those of them that end without any input of the program. */
  readonly #preparing = new Set<(error: Error) => void>();
  #onPrepared: (() => void)[] = [];
  #ready = false;
  /** Units handed over that have no answer yet, sent or not, and reservations. */
  #open = 0;
  #onIdle: (() => void)[] = [];
  /** Jobs that are sent at the end of the tick. */
  #outbox: { submissions: Submission[]; tickets: Ticket[]; delivered: Promise<void> } | undefined;
  /** Deliveries on their way to Redis. */
  #delivering = 0;
  #onDelivered: (() => void)[] = [];
  #onDelivery: (() => void)[] = [];

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /** Sends a unit, together with others of its tick where that is faster. */
  share(task: string, kind: UnitKind, unit: Unit): void {
    unit.context = callersContext();
    this.#open += 1;
    this.#batcher(task, kind).push(unit);
  }

  /** Sends units at once, each as a job of its own. */
  alone(task: string, kind: UnitKind, { units, submit }: { units: Unit[]; submit: SubmitOptions | undefined }): void {
    this.#open += units.length;
    const context = callersContext();
    for (const unit of units) unit.context = context;
    for (const unit of units) this.#prepare({ task, kind, group: [unit], submit });
    if (this.#outbox) this.#options.runtime.unserved.watch(this.#options.pool, task);
  }

  /**
   * Counts work that is still being prepared (an input that is read, arguments that are checked) as open.
   * @param fail - Called when everything open is failed.
   * @param isInput - It waits for an input, which may be endless: `prepared()` does not wait for it.
   * @returns ends the reservation
   */
  reserve(fail: (error: Error) => void, { isInput = false }: { isInput?: boolean } = {}): () => void {
    this.#open += 1;
    this.#reserved.add(fail);
    if (!isInput) this.#preparing.add(fail);
    return () => this.#release(fail);
  }

  #release(fail: (error: Error) => void): void {
    if (!this.#reserved.delete(fail)) return;
    this.#preparing.delete(fail);
    if (this.#preparing.size === 0) for (const wake of this.#onPrepared.splice(0)) wake();
    this.#close(1);
  }

  /** Resolves when all whose input is read is handed over: its arguments are checked, and its options known. */
  async prepared(): Promise<void> {
    if (this.#preparing.size === 0) return;
    await new Promise<void>((resolve) => this.#onPrepared.push(resolve));
  }

  /**
   * Takes units back. What Redis does not have yet fails at once.
   * @returns whether there was any such unit, and where the others are
   */
  withdraw(
    work: { task: string; kind: UnitKind; units: readonly Unit[] },
    withdrawal: { error: Error; reason: string },
  ): { withdrawn: boolean; sent: UnitPlace[] } {
    const { error, reason } = withdrawal;
    const batcher = this.#batchers.get(`${work.kind} ${work.task}`);
    const sent: UnitPlace[] = [];
    let withdrawn = false;
    for (const unit of work.units) {
      const { ticket } = unit;
      if (!ticket) {
        if (!batcher?.remove(unit)) continue;
        this.#answer(unit, failed(error));
      } else if (ticket.settled || (ticket.submitted && !ticket.isDuplicate)) {
        if (!ticket.settled) sent.push(placeOf(ticket, ticket.units > 1 ? (unit.position ?? 0) : null));
        continue;
      } else {
        const position = unit.position ?? 0;
        if (!ticket.isDuplicate) ticket.cancelledUnits = [...(ticket.cancelledUnits ?? []), { unit: position, reason }];
        ticket.answer(position, failed(error));
        if (ticket.settled) this.#options.runtime.results.settle(ticket);
      }
      withdrawn = true;
    }
    return { withdrawn, sent };
  }

  /** Resolves when every unit has an answer. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Resolves when nothing is on its way to Redis. */
  async delivered(): Promise<void> {
    if (this.#delivering === 0) return;
    await new Promise<void>((resolve) => this.#onDelivered.push(resolve));
  }

  /** Resolves when the next jobs have got to Redis, or have failed on the way there. */
  delivery(): Promise<void> {
    return new Promise<void>((resolve) => this.#onDelivery.push(resolve));
  }

  /** Sends what was held back for the sake of speed. */
  flush(): void {
    for (const batcher of this.#batchers.values()) batcher.flushAll();
  }

  /** Fails all units without an answer. @returns the jobs of this submitter's own that were under way */
  failAll(error: Error): UnitPlace[] {
    this.#failUnsent(error);
    const tickets = [...this.#tickets.keys()];
    for (const ticket of tickets) {
      ticket.fail(error);
      this.#options.runtime.results.settle(ticket);
    }
    // A job that another submission has made goes on for that one.
    return tickets.map((ticket) => {
      const place = placeOf(ticket, null);
      return ticket.id === ticket.jobId ? place : { ...place, life: ticket.id };
    });
  }

  /**
   * Waits for nothing any more: what Redis has goes on, and its units fail here with the error of their job; so does what is on
   * its way, and may get there.
   */
  detachAll(error: { ofJob: (id: string, isInRedis: boolean) => Error; unsent: Error }): void {
    this.#failUnsent(error.unsent);
    for (const ticket of [...this.#tickets.keys()]) {
      const isInRedis = ticket.submitted || ticket.isDuplicate;
      for (let unit = 0; unit < ticket.units; unit += 1) {
        const id = ticket.units > 1 ? `${ticket.jobId}.${unit}` : ticket.jobId;
        ticket.answer(unit, failed(error.ofJob(id, isInRedis)));
      }
      this.#options.runtime.results.settle(ticket);
    }
  }

  #failUnsent(error: Error): void {
    for (const fail of [...this.#reserved]) {
      fail(error);
      this.#release(fail);
    }
    for (const batcher of this.#batchers.values()) {
      for (const unit of batcher.withdraw()) this.#answer(unit, failed(error));
    }
  }

  #batcher(task: string, kind: UnitKind): UnitBatcher {
    const name = `${kind} ${task}`;
    let batcher = this.#batchers.get(name);
    if (!batcher) {
      batcher = new UnitBatcher({
        task,
        kind,
        durations: this.#options.runtime.durations,
        parallelism: this.#options.parallelism,
        isServed: this.#options.isServed,
        tasksPerChild: this.#options.tasksPerChild,
        inFlight: () => this.#tickets.size,
        send: (groups) => this.#send(task, kind, groups),
      });
      this.#batchers.set(name, batcher);
    }
    return batcher;
  }

  /** Resolves when Redis has the jobs, or their calls have failed. */
  #send(task: string, kind: UnitKind, groups: Unit[][]): Promise<void> {
    for (const group of groups) this.#prepare({ task, kind, group, submit: undefined });
    if (!this.#outbox) return Promise.resolve();
    this.#options.runtime.unserved.watch(this.#options.pool, task);
    return this.#outbox.delivered;
  }

  /** Jobs of one tick travel together, whichever calls they come from. */
  #post(submission: Submission, ticket: Ticket): void {
    if (this.#outbox) {
      this.#outbox.submissions.push(submission);
      this.#outbox.tickets.push(ticket);
      return;
    }
    this.#delivering += 1;
    const submissions = [submission];
    const tickets = [ticket];
    const delivered = Promise.resolve().then(() => {
      this.#outbox = undefined;
      return this.#deliver(submissions, tickets);
    });
    this.#outbox = { submissions, tickets, delivered };
  }

  /** Builds the job of one group and posts it; a group that is too large for one job is halved. */
  #prepare(job: { task: string; kind: UnitKind; group: Unit[]; submit: SubmitOptions | undefined }): void {
    const { task, kind, group, submit } = job;
    const { runtime } = this.#options;
    let built: { data: JobEnvelope; bytes: number };
    try {
      built = buildEnvelope(kind, group);
    } catch (error) {
      for (const unit of group) this.#answer(unit, failed(error));
      return;
    }
    const { data, bytes } = built;
    if (bytes > runtime.maxPayload && group.length > 1) {
      const half = group.length >> 1;
      this.#prepare({ ...job, group: group.slice(0, half) });
      this.#prepare({ ...job, group: group.slice(half) });
      return;
    }
    if (bytes > runtime.maxPayload && (group[0]?.items ?? 1) === 1) {
      const [unit] = group;
      if (unit) this.#answer(unit, failed(tooLarge(task, bytes, runtime.maxPayload)));
      return;
    }
    const jobId = submit?.jobId ?? runtime.nextJobId();
    const own = submit?.jobId === undefined ? undefined : runtime.nextJobId();
    const isForeign = submit?.jobId !== undefined || submit?.deduplication !== undefined;
    // 0 bytes: others look the outcome up in the job, so it is kept at any size.
    const opts = toJobsOptions(jobId, submit, isForeign ? 0 : bytes);
    if (own !== undefined) Object.assign(opts, { [JOB_TICKET_OPTION]: own });
    try {
      const [unit] = group;
      const args =
        kind === "items" ? unit?.payload.slice(0, 1) : kind === "starItems" ? unit?.payload[0] : unit?.payload;
      noteLimitKey(opts, { task, definition: findTask(task), args, poolKey: this.#options.limitKey?.() });
    } catch (error) {
      for (const unit of group) this.#answer(unit, failed(error));
      return;
    }
    const ticket = this.#expect(submissionOf(jobId, opts), jobId, { task, kind, group });
    ticket.mayExist = isForeign;
    data.client = runtime.clientId;
    noteOptions(data, submit);
    const span = startProducerSpan(
      { pool: this.#options.pool, task, jobId, calls: group.length },
      { contexts: group.map(({ context }) => context), mode: runtime.traces },
    );
    Object.assign(data, span?.carrier);
    this.#post({ name: task, data, opts, span }, ticket);
  }

  #expect(id: string, jobId: string, job: { task: string; kind: UnitKind; group: Unit[] }): Ticket {
    const { runtime, pool } = this.#options;
    const { task, kind, group } = job;
    const [first] = group;
    const ticket = new Ticket({ id, jobId, pool, task, units: group.length, sink: this.#sink(task, kind) });
    for (let position = 0; position < group.length; position += 1) {
      const unit = group[position] as Unit;
      unit.ticket = ticket;
      unit.position = position;
    }
    this.#tickets.set(ticket, group.length === 1 && first ? first : group);
    runtime.results.expect(ticket);
    return ticket;
  }

  #sink(task: string, kind: UnitKind): AnswerSink {
    const name = `${kind} ${task}`;
    const known = this.#sinks.get(name);
    if (known) return known;
    const sink: AnswerSink = {
      answer: (position, outcome, ticket) => {
        if (!ticket) return;
        const group = this.#tickets.get(ticket);
        if (ticket.settled) this.#tickets.delete(ticket);
        const unit = Array.isArray(group) ? group[position] : group;
        if (!unit) return;
        if (outcome.ok || outcome.micros > 0) {
          this.#options.runtime.durations.record(task, outcome.micros, unit.items);
        }
        this.#answer(unit, outcome);
        this.#batchers.get(name)?.answered();
      },
    };
    this.#sinks.set(name, sink);
    return sink;
  }

  #answer(unit: Unit, outcome: Outcome): void {
    unit.sink.answer(unit.index, outcome);
    this.#close(1);
  }

  #close(units: number): void {
    this.#open -= units;
    if (this.#open > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const wake of waiting) wake();
  }

  async #deliver(submissions: Submission[], tickets: Ticket[]): Promise<void> {
    try {
      await this.#add(submissions, tickets);
    } catch (error) {
      for (const ticket of tickets) {
        ticket.fail(error);
        this.#options.runtime.results.settle(ticket);
      }
    } finally {
      this.#delivering -= 1;
      for (const wake of this.#onDelivery.splice(0)) wake();
      if (this.#delivering === 0) for (const wake of this.#onDelivered.splice(0)) wake();
    }
  }

  async #add(submissions: Submission[], tickets: Ticket[]): Promise<void> {
    const { jobs, ready } = this.#options;
    if (!this.#ready) {
      await ready();
      this.#ready = true;
    }
    if (tickets.some((ticket) => ticket.settled)) {
      // The pool may have been terminated, or calls cancelled, in the meantime.
      const wanted = (_: unknown, index: number): boolean => tickets[index]?.settled === false;
      for (const [index, { span }] of submissions.entries()) if (!wanted(null, index)) span?.end();
      submissions = submissions.filter(wanted);
      tickets = tickets.filter(wanted);
      if (tickets.length === 0) return;
    }
    await dateDelays(this.#options.runtime.client, submissions);
    const ids = await jobs.add(submissions);
    this.#options.onAdded();
    for (const { data } of submissions) {
      if (data.expires !== undefined) this.#options.runtime.expiries.note(data.expires);
    }
    for (const [index, ticket] of tickets.entries()) {
      const id = ids[index];
      ticket.isDuplicate = ticket.mayExist && id !== undefined && id !== ticket.jobId;
      ticket.submitted = !ticket.isDuplicate;
      if (ticket.cancelledUnits && ticket.submitted) this.#recall(ticket);
      if (!ticket.mayExist) continue;
      void followJob(this.#options.runtime.results, ticket, {
        jobId: id ?? ticket.jobId,
        missingFor: MISSING_FOR,
        missing: () => jobLost(ticket, id ?? ticket.jobId),
        logger: this.#options.runtime.logger,
      });
    }
  }

  /** Cancels in Redis what was cancelled here before it got there. */
  #recall(ticket: Ticket): void {
    for (const { unit, reason } of ticket.cancelledUnits ?? []) {
      const place = { pool: ticket.pool, jobId: ticket.jobId, unit: ticket.units > 1 ? unit : null };
      this.#options.cancel([place], reason).catch((error: Error) => {
        this.#options.runtime.logger.warn(`job ${ticket.jobId} was cancelled and may still run: ${error.message}`);
      });
    }
  }
}

function placeOf({ pool, jobId, life }: Ticket, unit: number | null): UnitPlace {
  return { pool, jobId, unit, ...(life === undefined ? {} : { life }) };
}

function jobLost({ task }: Ticket, jobId: string): StateLostError {
  return new StateLostError(`job ${jobId} of task "${task}" was removed before its outcome was known; submit it again`);
}

function buildEnvelope(kind: UnitKind, group: Unit[]): { data: JobEnvelope; bytes: number } {
  const [first] = group;
  if (kind === "calls" && group.length === 1 && first) {
    if (first.plain) return { data: { args: first.payload }, bytes: JSON.stringify(first.payload).length };
    const encodedArgs = encodeToString(first.payload);
    return { data: { encodedArgs }, bytes: base64Bytes(encodedArgs) };
  }
  const payloads = group.map((unit) => unit.payload);
  const items = group.reduce((sum, unit) => sum + unit.items, 0);
  const text = unitsToJson(payloads);
  if (text !== undefined) return { data: { kind, units: text, count: group.length, items }, bytes: text.length };
  const bytes = encodeSeparately(payloads);
  return {
    data: {
      kind,
      units: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
      count: group.length,
      items,
    },
    bytes: bytes.byteLength,
  };
}

function base64Bytes(text: string): number {
  return Math.floor((text.length * 3) / 4);
}

function tooLarge(task: string, bytes: number, limit: number): PayloadTooLargeError {
  return new PayloadTooLargeError(
    `the arguments of task "${task}" are ${bytes} bytes, more than maxPayload (${limit}); send less, keep it elsewhere and ` +
      "pass its address, or raise maxPayload in connect()",
  );
}
