import {
  decode,
  encode,
  findTask,
  isPlainJson,
  jsonForm,
  MAX_INLINE_ANSWERS,
  PayloadTooLargeError,
  type UnitAnswer,
} from "@manyhands/core/child";
import { failureReport } from "./failure-report.ts";
import type { FailureReport, FromChild, RunRequest } from "./messages.ts";

/** A call that ends later than this after the last message is answered at once, ms. */
const SLOW = 1;
/** An answer above this size does not wait for others, bytes. */
const LARGE = 16 * 1024;

/**
 * Answers of one job on their way to the host: an answer goes back when its call ends, but calls that end within a
 * millisecond share a message, because a message costs more than a small call.
 */
export class AnswerBatch {
  readonly #request: RunRequest;
  readonly #hostName: string;
  readonly #send: (message: FromChild) => void;
  #answers: UnitAnswer[] = [];
  #failed = 0;
  #failure: FailureReport | undefined;
  #lastFlush = performance.now();
  #scheduled = false;

  constructor(request: RunRequest, { hostName, send }: AnswerWay) {
    this.#request = request;
    this.#hostName = hostName;
    this.#send = send;
  }

  /** `now` is the clock at the end of the call; `last` flushes with `done`. */
  addValue(unit: number, value: unknown, { micros, now, last }: AnswerTiming): void {
    if (last || now - this.#lastFlush > SLOW) this.#sendWith([unit, 1, value, micros], last);
    else if (isSmallPrimitive(value)) this.#answers.push([unit, 1, value, micros]);
    else this.#gatherCopy([unit, 1, value, micros]);
  }

  addError(
    unit: number,
    error: unknown,
    { micros, now, last, item }: AnswerTiming & { item?: number | undefined },
  ): void {
    const { jobId, ownId = jobId, count } = this.#request;
    const taskId = count > 1 ? `${ownId}.${unit}` : ownId;
    const origin = {
      host: this.#hostName,
      pid: process.pid,
      taskId,
      ...(item === undefined ? {} : { item }),
    };
    const { task, attempt, hasTriesLeft = false } = this.#request;
    const failure = failureReport(error, origin, { task: findTask(task), attempt, hasTriesLeft });
    this.#failed += 1;
    this.#failure ??= failure;
    this.#answers.push([unit, 0, failure.error, micros]);
    if (last || now - this.#lastFlush > SLOW) this.flush(last);
  }

  /** Sends gathered answers at the end of this tick: the running call has turned out to wait for something. */
  flushSoon(): void {
    if (this.#scheduled || this.#answers.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush(false);
    });
  }

  flush(done: boolean): void {
    if (this.#answers.length === 0 && !done) return;
    this.#sendEncoded(encode(this.#answers), done);
  }

  /** Encodes the gathered answers and this one at once; only when that goes wrong the answer is looked at alone. */
  #sendWith(answer: UnitAnswer, done: boolean): void {
    const { maxPayload } = this.#request;
    this.#answers.push(answer);
    let encoded: Uint8Array;
    try {
      encoded = encode(this.#answers);
      if (encoded.byteLength > maxPayload) this.#checkSize(answer[2]);
    } catch (refusal) {
      this.#answers.pop();
      const error = refusalOf(answer[2]) ?? refusal;
      this.addError(answer[0], error, { micros: answer[3], now: this.#lastFlush, last: false });
      this.flush(done);
      return;
    }
    this.#sendEncoded(encoded, done);
  }

  /** Keeps the value as it is now: later calls of the job may change the object that this one returned. */
  #gatherCopy(answer: UnitAnswer): void {
    let encoded: Uint8Array;
    try {
      encoded = encode(answer[2], "result");
      if (encoded.byteLength > this.#request.maxPayload) this.#checkSize(answer[2]);
    } catch (error) {
      this.addError(answer[0], error, { micros: answer[3], now: this.#lastFlush, last: false });
      return;
    }
    if (encoded.byteLength > LARGE) {
      this.#answers.push(answer);
      this.flush(false);
    } else {
      answer[2] = decode(encoded);
      this.#answers.push(answer);
    }
  }

  /** The limit counts per call, or per item of a chunk. */
  #checkSize(value: unknown): void {
    const { kind, maxPayload } = this.#request;
    if (kind === "calls") {
      checkOne("the result", encode(value).byteLength, maxPayload);
      return;
    }
    (value as unknown[]).forEach((item, index) => {
      checkOne(`the result of item ${index} of its chunk`, encode(item).byteLength, maxPayload);
    });
  }

  #sendEncoded(answers: Uint8Array, done: boolean): void {
    const text = this.#jsonText(answers.byteLength);
    this.#send({
      type: "answers",
      jobId: this.#request.jobId,
      answers,
      units: this.#answers.map((answer) => answer[0]),
      failed: this.#failed,
      ...(this.#failure && { failure: this.#failure }),
      ...text,
      done,
    });
    this.#answers = [];
    this.#failed = 0;
    this.#failure = undefined;
    this.#lastFlush = performance.now();
  }

  /** What `redis-cli` and clients in other languages read as the job's value. */
  #jsonText(size: number): { json: string; isExact: boolean } | undefined {
    const { kind, count, isDetached = false } = this.#request;
    const [answer] = this.#answers;
    if (count !== 1 || !answer || answer[1] === 0) return undefined;
    // Our own clients get chunks and what is large by the reply stream, so the text would not be read.
    const isLarge = size > MAX_INLINE_ANSWERS;
    if (!isDetached && (kind !== "calls" || isLarge)) return undefined;
    const value = answer[2];
    if (value !== undefined && isPlainJson(value)) return { json: JSON.stringify(value), isExact: true };
    if (isLarge || (!isDetached && value !== undefined)) return undefined;
    try {
      return { json: JSON.stringify(jsonForm(value)), isExact: false };
    } catch {
      // A getter threw, or it is nested too deep: the encoded form has it all the same.
      return undefined;
    }
  }
}

/** Where answers go, and what their errors say of where they come from. */
export interface AnswerWay {
  hostName: string;
  send(message: FromChild): void;
}

export interface AnswerTiming {
  /** Run time of the unit, microseconds. */
  micros: number;
  now: number;
  last: boolean;
}

/** Needs neither a copy nor a check of its size. */
function isSmallPrimitive(value: unknown): boolean {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "string":
      return value.length <= 1024;
    default:
      return value === null;
  }
}

/** Why the value cannot be sent, with a path that starts at the value itself. */
function refusalOf(value: unknown): unknown {
  try {
    encode(value, "result");
    return undefined;
  } catch (error) {
    return error;
  }
}

function checkOne(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new PayloadTooLargeError(
    `${what} takes ${size} bytes, more than maxPayload (${limit} bytes); return a reference to it, or raise maxPayload`,
  );
}
