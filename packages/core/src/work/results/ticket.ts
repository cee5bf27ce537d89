/** What became of one unit. */
export interface Outcome {
  ok: boolean;
  /** The value, or the error, ready to be thrown. */
  value: unknown;
  /** Run time in microseconds; 0 = it did not run, or it is not known. */
  micros: number;
}

/** Where the answers of one ticket go. */
export interface AnswerSink {
  /** @param ticket - The one whose unit it is: one sink may serve many. */
  answer(unit: number, outcome: Outcome, ticket?: Ticket): void;
}

/** The outcome of a unit that got no answer from a host. */
export function failed(error: unknown): Outcome {
  return { ok: false, value: error, micros: 0 };
}

/** One submitted job that is waited for. Each unit is answered once; later answers to it are ignored. */
export class Ticket {
  /** The submission that hosts answer to: `submissionOf` its job. */
  readonly id: string;
  readonly jobId: string;
  readonly pool: string;
  readonly task: string;
  /** Monotonic clock, ms; whole, because a fraction would take a piece of memory of its own. */
  readonly since: number = Math.floor(performance.now());
  /** True once Redis has acknowledged the job, or a host has answered it; before that it may rightly be unknown there. */
  submitted = false;
  /** The id may belong to a job that existed before (own `jobId`, deduplication): its answers go to another client. */
  mayExist = false;
  /** Another job stands for it (deduplication): under its own id Redis does not know it. */
  isDuplicate = false;
  /** Waiting for it keeps no program alive. */
  background = false;
  /** Units that were cancelled before Redis had the job. */
  cancelledUnits: { unit: number; reason: string }[] | undefined = undefined;
  /** Which of the jobs that may have had its id one after the other it was seen to stand for. */
  life: string | undefined = undefined;
  /** The submission whose answers it takes too, because that one's job stands for it. */
  follows: string | undefined = undefined;
  /** Times in a row that Redis did not know the job. */
  misses = 0;
  readonly #sink: AnswerSink;
  readonly units: number;
  /** Which of several units are answered; of a single one `#open` tells it. */
  readonly #answered: Uint8Array | undefined;
  #open: number;

  constructor(options: { id?: string; jobId: string; pool: string; task: string; units: number; sink: AnswerSink }) {
    this.id = options.id ?? options.jobId;
    this.jobId = options.jobId;
    this.pool = options.pool;
    this.task = options.task;
    this.#sink = options.sink;
    this.units = options.units;
    this.#answered = options.units > 1 ? new Uint8Array(options.units) : undefined;
    this.#open = options.units;
  }

  /** Units of the job that a look at it gives, which may be more than are waited for. */
  get unitsOfJob(): number {
    return this.units;
  }

  get settled(): boolean {
    return this.#open === 0;
  }

  answer(unit: number, outcome: Outcome): void {
    if (!(Number.isInteger(unit) && unit >= 0 && unit < this.units) || this.#open === 0 || this.#answered?.[unit] === 1)
      return;
    if (this.#answered) this.#answered[unit] = 1;
    this.#open -= 1;
    this.#sink.answer(unit, outcome, this);
  }

  /** Fails every unit that has no answer yet. */
  fail(error: unknown): void {
    for (let unit = 0; unit < this.units; unit += 1) this.answer(unit, failed(error));
  }
}
