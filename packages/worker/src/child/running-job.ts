import {
  type AnyTask,
  decode,
  decodeFromString,
  decodeUnits,
  findTask,
  limitKeyOf,
  listTasks,
  runInTask,
  TaskNotFoundError,
  traceCall,
  ValidationError,
} from "@manyhands/core/child";
import { AnswerBatch } from "./answer-batch.ts";
import { callTask, callTaskWithItem } from "./call-task.ts";
import type { CancelReason, FromChild, RunRequest } from "./messages.ts";
import { type JobFacts, RunningUnit } from "./running-unit.ts";
import type { TaskOutput } from "./task-output.ts";

/** After this much uninterrupted work the event loop gets a turn, so that cancellations and output pass, ms. */
const TIME_SLICE = 10;
/** Starts of items within this time are not reported one by one, ms. */
const START_REPORT_INTERVAL = 1;

/** Most items that run between two looks at the clock, and how long they may have taken for that to go on, ms. */
const MOST_UNWATCHED = 64;
const LOOK_INTERVAL = 0.5;

/** What a running job needs from its child. */
export interface JobSurroundings {
  hostName: string;
  send(message: FromChild): void;
  output: TaskOutput;
}

/** Runs the units of one job, one after another, and answers each exactly once. */
export class RunningJob {
  readonly #request: RunRequest;
  readonly #surroundings: JobSurroundings;
  readonly #facts: JobFacts;
  readonly #answers: AnswerBatch;
  readonly #cancelled = new Set<number>();
  #allCancelled = false;
  #current: RunningUnit | undefined;
  #lastTurn = performance.now();
  #lastStartReport = Number.NEGATIVE_INFINITY;

  constructor(request: RunRequest, surroundings: JobSurroundings) {
    this.#request = request;
    this.#surroundings = surroundings;
    this.#facts = {
      id: request.ownId ?? request.jobId,
      jobId: request.jobId,
      task: request.task,
      attempt: request.attempt,
      count: request.count,
      hostName: surroundings.hostName,
    };
    this.#answers = new AnswerBatch(request, surroundings);
  }

  /**
   * The loop waits only for what is not there yet: a function that returns its value costs no microtask.
   */
  async run(): Promise<void> {
    const open = openUnits(this.#request);
    const last = open.at(-1);
    if (last === undefined) return this.#answers.flush(true);
    const prepared = this.#prepare(open);
    if (!prepared) return;
    for (const index of open) {
      let startedAt = performance.now();
      if (startedAt - this.#lastTurn > TIME_SLICE) {
        await this.#giveLoopATurn();
        startedAt = performance.now();
      }
      const unit = new RunningUnit(this.#facts, index, this.#surroundings.output);
      let error: unknown;
      let failed = false;
      let value: unknown;
      try {
        value = this.#start(prepared.task, unit, prepared.units[index]);
        if (isThenable(value)) {
          this.#answers.flushSoon();
          value = await value;
        }
      } catch (thrown) {
        failed = true;
        error = explain(thrown, unit);
      }
      this.#current = undefined;
      const now = performance.now();
      const timing = { micros: Math.round((now - startedAt) * 1000), now, last: index === last };
      this.#surroundings.output.flush();
      if (failed) this.#answers.addError(index, error, { ...timing, item: unit.failedItem });
      else this.#answers.addValue(index, value, timing);
    }
  }

  cancel(unit: number | null, reason: CancelReason): void {
    const current = this.#current;
    if (current && (unit === null || unit === current.unit)) current.abort(reason);
    if (reason === "softTimeout") return;
    if (reason === "shutdown" && current && !current.listens) {
      this.#surroundings.send({ type: "unheard", jobId: this.#request.jobId });
    }
    if (unit === null) this.#allCancelled = true;
    else this.#cancelled.add(unit);
  }

  /** Sends what is finished; for a child that is about to end. */
  flush(): void {
    this.#answers.flush(false);
  }

  /** The task and its units, or undefined after every unit was answered with what is wrong with them. */
  #prepare(open: number[]): { task: AnyTask; units: unknown[] } | undefined {
    try {
      const units = readUnits(this.#request);
      assertUnits(units, this.#request);
      return { task: requireTask(this.#request.task), units };
    } catch (error) {
      const now = performance.now();
      open.forEach((unit, index) => {
        this.#answers.addError(unit, error, { micros: 0, now, last: index === open.length - 1 });
      });
      return undefined;
    }
  }

  #start(task: AnyTask, unit: RunningUnit, content: unknown): unknown {
    if (this.#allCancelled || this.#cancelled.has(unit.unit)) unit.abort("cancelled");
    if (unit.aborted) throw unit.abortError();
    this.#current = unit;
    const { trace } = this.#request;
    if (!trace) return this.#call(task, unit, content);
    const attributes = {
      "messaging.message.id": this.#facts.id,
      "manyhands.attempt": this.#facts.attempt,
      "manyhands.host": this.#surroundings.hostName,
      ...(this.#request.count > 1 && { "manyhands.call": unit.unit }),
    };
    return traceCall(trace, { task: task.name, attributes }, () => this.#call(task, unit, content));
  }

  #call(task: AnyTask, unit: RunningUnit, content: unknown): unknown {
    if (this.#request.computesKey) return keyOf(task, this.#request.kind, content);
    switch (this.#request.kind) {
      case "calls":
        if (this.#request.reportStarts) this.#reportStart(unit.unit, 0);
        return runInTask(unit, () => callTask(task, content as unknown[]));
      case "items":
        return runInTask(unit, () =>
          this.#runItems(task, unit, { items: content as unknown[], call: callTaskWithItem }),
        );
      case "starItems":
        return runInTask(unit, () => this.#runItems(task, unit, { items: content as unknown[][], call: callTask }));
    }
  }

  /** The first item that fails ends the chunk: what it throws is the answer to the unit. */
  async #runItems<Item>(task: AnyTask, unit: RunningUnit, chunk: Chunk<Item>): Promise<unknown[]> {
    const results: unknown[] = [];
    try {
      await this.#runEach(task, unit, { ...chunk, results });
    } catch (error) {
      unit.failedItem = results.length;
      throw error;
    }
    return results;
  }

  async #runEach<Item>(task: AnyTask, unit: RunningUnit, chunk: Chunk<Item> & { results: unknown[] }): Promise<void> {
    const { results } = chunk;
    // Reading the clock costs more than a small item: while items are fast, several run between two looks.
    let stride = 1;
    let untilLook = 0;
    let lastLook = performance.now();
    for (const item of chunk.items) {
      if (untilLook === 0) {
        const now = performance.now();
        stride =
          now - lastLook > LOOK_INTERVAL || this.#request.reportStarts ? 1 : Math.min(stride * 2, MOST_UNWATCHED);
        untilLook = stride;
        lastLook = now;
        if (now - this.#lastTurn > TIME_SLICE) await this.#giveLoopATurn();
        if (this.#request.reportStarts) this.#reportItem(unit, results.length, now);
      }
      untilLook -= 1;
      if (unit.aborted) {
        unit.startItem();
        if (unit.aborted) throw unit.abortError();
      }
      const result = chunk.call(task, item);
      results.push(isThenable(result) ? await result : result);
    }
  }

  #reportItem(unit: RunningUnit, item: number, now: number): void {
    if (item > 0 && now - this.#lastStartReport <= START_REPORT_INTERVAL) return;
    this.#lastStartReport = now;
    this.#reportStart(unit.unit, item);
  }

  #reportStart(unit: number, item: number): void {
    this.#surroundings.send({ type: "started", jobId: this.#request.jobId, unit, item });
  }

  #giveLoopATurn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#lastTurn = performance.now();
        resolve();
      });
    });
  }
}

/** The key that the limits of the task count the unit under. */
function keyOf(task: AnyTask, kind: RunRequest["kind"], content: unknown): string {
  const items = content as unknown[];
  const args = kind === "items" ? items.slice(0, 1) : kind === "starItems" ? (items[0] as unknown[]) : items;
  return limitKeyOf(task.name, task.options.limits?.key ?? (() => ""), args);
}

interface Chunk<Item> {
  items: Item[];
  call(task: AnyTask, item: Item): unknown;
}

function openUnits({ count, skip }: RunRequest): number[] {
  const open: number[] = [];
  const skipped = new Set(skip);
  for (let unit = 0; unit < count; unit += 1) if (!skipped.has(unit)) open.push(unit);
  return open;
}

function requireTask(name: string): AnyTask {
  const task = findTask(name);
  if (task) return task;
  const known = listTasks().map((known) => known.name);
  throw new TaskNotFoundError(
    `no task "${name}" is defined in this worker's modules (they define: ${known.join(", ") || "none"})`,
  );
}

function readUnits(request: RunRequest): unknown[] {
  if (request.args) return [request.args];
  if (request.encodedArgs !== undefined) return [decodeFromString(request.encodedArgs)];
  if (request.unitBytes) return decode(request.unitBytes) as unknown[];
  if (request.units !== undefined) return decodeUnits(request.units) as unknown[];
  return [[]];
}

/** The bytes came over the wire: they hold as many units as was said, and each is a list. */
function assertUnits(units: unknown, { count }: RunRequest): void {
  if (Array.isArray(units) && units.length === count && units.every(Array.isArray)) return;
  throw new ValidationError(`the job's data does not hold ${count} units; submit it again`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** A call that gave up because its signal was aborted says why, also if its libraries turned that into another error. */
function explain(thrown: unknown, unit: RunningUnit): unknown {
  if (!unit.aborted || !(thrown instanceof Error) || thrown.name !== "AbortError") return thrown;
  const error = unit.abortError();
  error.cause = thrown;
  return error;
}
