/** Where the answers of one ticket go. `error` is already decoded. */
export interface AnswerSink {
  answer(unit: number, ok: boolean, value: unknown, micros: number): void;
}

/** One submitted job that somebody waits for. Each unit is answered once; later answers to it are ignored. */
export class Ticket {
  readonly jobId: string;
  readonly pool: string;
  readonly task: string;
  /** Monotonic clock, ms. */
  readonly since: number = performance.now();
  /** True once Redis has acknowledged the job; before that it may rightly be unknown there. */
  submitted = false;
  /** The id may belong to a job that existed before (own `jobId`, deduplication): its answers go to another client. */
  foreign = false;
  /** Times in a row that Redis did not know the job. */
  misses = 0;
  readonly #sink: AnswerSink;
  readonly #answered: Uint8Array;
  #open: number;

  constructor(options: { jobId: string; pool: string; task: string; units: number; sink: AnswerSink }) {
    this.jobId = options.jobId;
    this.pool = options.pool;
    this.task = options.task;
    this.#sink = options.sink;
    this.#answered = new Uint8Array(options.units);
    this.#open = options.units;
  }

  get settled(): boolean {
    return this.#open === 0;
  }

  answer(unit: number, ok: boolean, value: unknown, micros: number): void {
    if (unit >= this.#answered.length || this.#answered[unit] === 1) return;
    this.#answered[unit] = 1;
    this.#open -= 1;
    this.#sink.answer(unit, ok, value, micros);
  }

  /** Fails every unit that has no answer yet. */
  fail(error: unknown): void {
    for (let unit = 0; unit < this.#answered.length; unit += 1) this.answer(unit, false, error, 0);
  }
}
