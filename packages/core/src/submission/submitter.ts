import { encodeSeparately, encodeToString } from "../codec/index.ts";
import { PayloadTooLargeError } from "../errors/index.ts";
import type { JobEnvelope, UnitKind } from "../protocol/job.ts";
import { type AnswerSink, failed, type Outcome, Ticket } from "../results/index.ts";
import type { JobQueue, Submission } from "./job-queue.ts";
import type { Runtime } from "./runtime.ts";
import { type SubmitOptions, toJobsOptions } from "./submit-options.ts";
import { type Unit, UnitBatcher } from "./unit-batcher.ts";

/** How often a job whose answers go to another client is looked up, ms. */
const FOREIGN_INTERVAL = 200;

export interface SubmitterOptions {
  pool: string;
  runtime: Runtime;
  jobs: JobQueue;
  /** Resolves when the pool exists in Redis; submissions wait for it. */
  ready: () => Promise<void>;
  parallelism: () => number;
}

/**
 * Turns units into BullMQ jobs of one pool and brings each answer to the unit it belongs to.
 *
 * A unit with options of its own is a job of its own; all others go through the batcher of their task.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #batchers = new Map<string, UnitBatcher>();
  readonly #tickets = new Set<Ticket>();
  #ready = false;
  /** Units handed over that have no answer yet, sent or not. */
  #open = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /** Units without an answer. */
  get open(): number {
    return this.#open;
  }

  /** Sends a unit, together with others of its tick where that is faster. */
  share(task: string, kind: UnitKind, unit: Unit): void {
    this.#open += 1;
    this.#batcher(task, kind).push(unit);
  }

  /** Sends units at once, each as a job of its own. @returns the ids of the jobs */
  alone(task: string, kind: UnitKind, options: { units: Unit[]; submit: SubmitOptions | undefined }): string[] {
    this.#open += options.units.length;
    return this.#send(task, kind, { groups: options.units.map((unit) => [unit]), submit: options.submit });
  }

  /** Resolves when every unit has an answer. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Fails all units without an answer. @returns the ids of the jobs that were under way */
  failAll(error: Error): string[] {
    for (const batcher of this.#batchers.values()) {
      for (const unit of batcher.withdraw()) this.#answer(unit, failed(error));
    }
    const tickets = [...this.#tickets];
    for (const ticket of tickets) {
      ticket.fail(error);
      this.#options.runtime.results.settle(ticket);
    }
    return tickets.map((ticket) => ticket.jobId);
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
        inFlight: () => this.#tickets.size,
        send: (groups) => void this.#send(task, kind, { groups, submit: undefined }),
      });
      this.#batchers.set(name, batcher);
    }
    return batcher;
  }

  #send(
    task: string,
    kind: UnitKind,
    { groups, submit }: { groups: Unit[][]; submit: SubmitOptions | undefined },
  ): string[] {
    const submissions: Submission[] = [];
    const tickets: Ticket[] = [];
    for (const group of groups) this.#prepare({ task, kind, group, submit }, submissions, tickets);
    if (submissions.length === 0) return [];
    this.#options.runtime.unserved.watch(this.#options.pool, task);
    void this.#deliver(submissions, tickets);
    return tickets.map((ticket) => ticket.jobId);
  }

  /** Builds the job of one group; a group that is too large for one job is halved. */
  #prepare(
    job: { task: string; kind: UnitKind; group: Unit[]; submit: SubmitOptions | undefined },
    submissions: Submission[],
    tickets: Ticket[],
  ): void {
    const { task, kind, group, submit } = job;
    const { runtime, pool } = this.#options;
    let built: { data: JobEnvelope; bytes: number };
    try {
      built = buildEnvelope(kind, group);
    } catch (error) {
      for (const unit of group) this.#answer(unit, failed(error));
      return;
    }
    if (built.bytes > runtime.maxPayload && group.length > 1) {
      const half = group.length >> 1;
      this.#prepare({ ...job, group: group.slice(0, half) }, submissions, tickets);
      this.#prepare({ ...job, group: group.slice(half) }, submissions, tickets);
      return;
    }
    if (built.bytes > runtime.maxPayload && (group[0]?.items ?? 1) === 1) {
      const [unit] = group;
      if (unit) this.#answer(unit, failed(tooLarge(task, built.bytes, runtime.maxPayload)));
      return;
    }
    const jobId = submit?.jobId ?? runtime.nextJobId();
    const ticket = this.#expect(jobId, task, group);
    tickets.push(ticket);
    submissions.push({
      name: task,
      data: {
        ...built.data,
        client: runtime.clientId,
        ...(submit?.tags ? { tags: submit.tags } : {}),
        ...(submit?.timeout ? { timeout: submit.timeout } : {}),
        ...(submit?.softTimeout ? { softTimeout: submit.softTimeout } : {}),
        ...(submit?.resultTtl ? { resultTtl: submit.resultTtl } : {}),
      },
      opts: toJobsOptions(jobId, submit, built.bytes),
    });
    if (submit?.jobId || submit?.deduplication) ticket.foreign = true;
    for (const [index, unit] of group.entries()) unit.sent?.({ pool, jobId, unit: group.length > 1 ? index : null });
  }

  #expect(jobId: string, task: string, group: Unit[]): Ticket {
    const { runtime, pool } = this.#options;
    let open = group.length;
    const sink: AnswerSink = {
      answer: (position, outcome) => {
        const unit = group[position];
        open -= 1;
        if (open === 0) this.#tickets.delete(ticket);
        if (!unit) return;
        if (outcome.micros > 0) runtime.durations.record(task, outcome.micros, unit.items);
        this.#answer(unit, outcome);
        this.#batchers.get(`calls ${task}`)?.answered();
        this.#batchers.get(`items ${task}`)?.answered();
        this.#batchers.get(`starItems ${task}`)?.answered();
      },
    };
    const ticket = new Ticket({ jobId, pool, task, units: group.length, sink });
    this.#tickets.add(ticket);
    runtime.results.expect(ticket);
    return ticket;
  }

  #answer(unit: Unit, outcome: Outcome): void {
    unit.sink.answer(unit.index, outcome);
    this.#open -= 1;
    if (this.#open > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const wake of waiting) wake();
  }

  async #deliver(submissions: Submission[], tickets: Ticket[]): Promise<void> {
    const { jobs, ready } = this.#options;
    try {
      if (!this.#ready) {
        await ready();
        this.#ready = true;
      }
      const ids = await jobs.add(submissions);
      for (const [index, ticket] of tickets.entries()) {
        ticket.submitted = true;
        const id = ids[index];
        if (id && id !== ticket.jobId) this.#follow(ticket, id);
        else if (ticket.foreign) this.#pollForeign(ticket);
      }
    } catch (error) {
      for (const ticket of tickets) {
        ticket.fail(error);
        this.#options.runtime.results.settle(ticket);
      }
    }
  }

  /** The submission was a duplicate: the outcome of the job that stands for it is ours too. */
  #follow(ticket: Ticket, id: string): void {
    const { runtime, pool } = this.#options;
    const sink: AnswerSink = {
      answer: (unit, outcome) => {
        ticket.answer(unit, outcome);
        runtime.results.settle(ticket);
      },
    };
    const other = new Ticket({ jobId: id, pool, task: ticket.task, units: 1, sink });
    other.foreign = true;
    other.submitted = true;
    ticket.submitted = false;
    this.#pollForeign(other);
  }

  #pollForeign(ticket: Ticket): void {
    const { results, logger } = this.#options.runtime;
    const look = (): void => {
      if (ticket.settled) return;
      results
        .check(ticket)
        .catch((error: Error) => logger.warn(`looking up job ${ticket.jobId} failed, trying again: ${error.message}`))
        .finally(() => setTimeout(look, FOREIGN_INTERVAL).unref());
    };
    look();
  }
}

function buildEnvelope(kind: UnitKind, group: Unit[]): { data: JobEnvelope; bytes: number } {
  const [first] = group;
  if (kind === "calls" && group.length === 1 && first) {
    if (first.plain) return { data: { args: first.payload }, bytes: JSON.stringify(first.payload).length };
    const encodedArgs = encodeToString(first.payload);
    return { data: { encodedArgs }, bytes: base64Bytes(encodedArgs) };
  }
  const bytes = encodeSeparately(group.map((unit) => unit.payload));
  const items = group.reduce((sum, unit) => sum + unit.items, 0);
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
