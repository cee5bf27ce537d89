import { CancelledError, ClosedError, got, StateLostError, TimeoutError, ValueError } from "../errors/index.ts";
import type { Logger } from "../package/index.ts";
import { type Milliseconds, toLimit, waitWith } from "../time/index.ts";
import { updatesName } from "../wire/records/job.ts";
import { type AnswerSink, followJob, type Outcome, type ResultChannel, Ticket } from "../work/results/index.ts";
import {
  isFinished,
  type TaskPlace,
  type TaskState,
  type TaskUpdate,
  type UpdateOptions,
} from "../work/submission/index.ts";
import type { InspectorPlace } from "./place.ts";
import { type JobCourse, readCourse } from "./work/index.ts";

/** Between two looks at a task of which no host sends word, ms, from the first to the last. */
const FIRST_INTERVAL: Milliseconds = 2_000;
const LAST_INTERVAL: Milliseconds = 10_000;
/** Its answers come a moment before the job is finished: between two looks then, ms, from the first to the last. */
const FIRST_SETTLING: Milliseconds = 5;
const LAST_SETTLING: Milliseconds = 500;
/** A job that was there is looked for a second time before it counts as removed, ms. */
const MISSING_FOR: Milliseconds = 2_000;

const WAITING: ReadonlySet<TaskState> = new Set(["waiting", "prioritized", "delayed"]);
const OUTPUT = /^(stdout|stderr) \| (.*)$/s;

/** Where updates come from. */
interface UpdateContext {
  place: Pick<InspectorPlace, "client" | "keys" | "during">;
  results: ResultChannel;
  logger: Logger;
  /** @throws TaskUnknownError */
  find: () => Promise<TaskPlace & { units: number }>;
  state: (place: TaskPlace) => Promise<TaskState>;
}

/** What has been told of a task. */
interface Told {
  /** When the job was submitted that is followed, ms since the epoch: a later one of the same id is not meant. */
  timestamp: string | undefined;
  state: string | undefined;
  attemptsMade: number;
  progress: string;
  /** Number of the next line of its log; null = the lines that are there are left out. */
  line: number | null;
}

type StateUpdate = Extract<TaskUpdate, { type: "state" }>;

let followings = 0;

/**
 * Tells what happens to a task until it is finished, or removed. Its host sends word of each change to this client, which
 * then looks at the job; between that it looks every two to ten seconds.
 *
 * @throws TaskUnknownError; ValueError for a bad option; TimeoutError when the time is over; the signal's reason
 */
export async function* followUpdates(
  context: UpdateContext,
  id: string,
  options: UpdateOptions = {},
): AsyncGenerator<TaskUpdate, void, undefined> {
  const { from = "now", timeout, signal: given } = options;
  if (from !== "now" && from !== "start") throw new ValueError(`from must be "now" or "start"; got ${got(from)}`);
  const { limit, signal } = toLimit({ timeout, signal: given });
  const endsAt = performance.now() + limit;
  signal?.throwIfAborted();
  const place = await context.place.during(context.find);
  const bell = new Bell(context, place);
  const told: Told = {
    timestamp: undefined,
    state: undefined,
    attemptsMade: 0,
    progress: "",
    line: from === "start" ? 0 : null,
  };
  let interval = FIRST_INTERVAL;
  let settling = FIRST_SETTLING;
  try {
    while (true) {
      bell.heard = false;
      const seen = await look(context, place, told);
      if (seen) {
        const { state, course } = seen;
        if (course === null && told.timestamp !== undefined) {
          // Of some tasks nothing is kept once they are finished: their answers, which were sent before, tell how they ended.
          if (!bell.isAnswered) await bell.answered(Math.min(MISSING_FOR, endsAt - performance.now()), signal);
          const { end } = bell;
          if (end) return yield { ...end, attemptsMade: told.attemptsMade + (hasRun(end.state, told) ? 1 : 0) };
        }
        yield* changes(told, state, course);
        if (isFinished(state) || course === null) return;
        // More lines than are read at once.
        if (told.line !== null && told.line < course.total) continue;
      }
      const wait = bell.isAnswered ? settling : interval;
      if (bell.isAnswered) settling = Math.min(LAST_SETTLING, settling * 2);
      const isRung = await bell.next(Math.min(wait, endsAt - performance.now()), signal);
      interval = isRung ? FIRST_INTERVAL : Math.min(LAST_INTERVAL, interval * 1.5);
      if (!isRung && performance.now() >= endsAt) {
        throw new TimeoutError(`task ${id} is not finished within ${timeout} ms; it is still under way`);
      }
    }
  } finally {
    bell.stop();
  }
}

/**
 * State and lines are of one moment: a task that is finished has all its lines.
 * @returns undefined while Redis is away
 */
async function look(
  { place, state, logger }: UpdateContext,
  job: TaskPlace,
  { timestamp, line }: Told,
): Promise<{ state: TaskState; course: JobCourse | null } | undefined> {
  try {
    return await place.during(async () => {
      const [shown, course] = await Promise.all([state(job), readCourse(place, job, line)]);
      const isSame = course !== null && (timestamp === undefined || timestamp === course.timestamp);
      return isSame ? { state: finer(course.state, shown), course } : { state: "unknown", course: null };
    });
  } catch (error) {
    if (error instanceof ClosedError || place.client.status === "ready" || place.client.status === "end") throw error;
    logger.warn(`looking at task ${job.jobId} failed, trying again: ${(error as Error).message}`);
    return undefined;
  }
}

/** Whether a task that was told of as under way has ended with a try. */
function hasRun(state: TaskState, { state: before = "" }: Told): boolean {
  return state !== "cancelled" || before.startsWith("active/");
}

/** BullMQ does not tell that a task that waits is blocked. */
function finer(state: TaskState, shown: TaskState): TaskState {
  return shown === "blocked" && WAITING.has(state) ? shown : state;
}

function* changes(told: Told, state: TaskState, course: JobCourse | null): Generator<TaskUpdate> {
  const attemptsMade = course?.attemptsMade ?? 0;
  const key = `${state}/${attemptsMade}`;
  const isNew = told.state !== key;
  told.state = key;
  told.attemptsMade = attemptsMade;
  told.timestamp ??= course?.timestamp;
  const update: TaskUpdate = { type: "state", state, attemptsMade, failedReason: course?.failedReason ?? null };
  // What it logs follows its start, and comes before its end.
  const isFirst = !isFinished(state);
  if (isNew && isFirst) yield update;
  if (course) yield* linesOf(told, course);
  if (course && course.progress !== "" && course.progress !== told.progress) {
    told.progress = course.progress;
    const value = readProgress(course.progress);
    if (value !== undefined) yield { type: "progress", value };
  }
  if (isNew && !isFirst) yield update;
}

function* linesOf(told: Told, { first, lines, total }: JobCourse): Generator<TaskUpdate> {
  if (told.line === null) {
    told.line = total;
    return;
  }
  if (first > told.line) yield { type: "missed", lines: first - told.line };
  for (const line of lines) {
    const [, stream, text = ""] = OUTPUT.exec(line) ?? [];
    yield stream === undefined
      ? { type: "log", line }
      : { type: "output", stream: stream as "stdout" | "stderr", line: text };
  }
  told.line = Math.max(told.line, first + lines.length);
}

/** BullMQ writes 0 into a job that has reported nothing. */
function readProgress(text: string): unknown {
  if (text === "0") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Rings when a host sends word of the job. */
class Bell {
  heard = false;
  readonly #results: ResultChannel;
  readonly #stopListening: () => void;
  readonly #ticket: Ticket;
  readonly #missing: StateLostError;
  #isStopped = false;
  #ring: () => void = () => {};
  /** The first call that failed, or else one that did not. */
  #outcome: Outcome | undefined;

  constructor({ results, logger }: UpdateContext, { pool, jobId, units }: TaskPlace & { units: number }) {
    followings += 1;
    this.#results = results;
    const sink: AnswerSink = {
      answer: (_, outcome) => {
        if (!this.#isStopped && (this.#outcome?.ok ?? true)) this.#outcome = outcome;
        this.#hear();
      },
    };
    this.#missing = new StateLostError(`task ${jobId} in pool "${pool}" was removed`);
    this.#ticket = new Ticket({ id: `updates ${followings}`, jobId, pool, task: "", units, sink });
    this.#ticket.mayExist = true;
    this.#stopListening = results.listen(updatesName(pool, jobId), () => this.#hear());
    results.expect(this.#ticket);
    void followJob(results, this.#ticket, {
      jobId,
      missingFor: MISSING_FOR,
      missing: () => this.#missing,
      logger,
    });
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stopListening();
    this.#ticket.fail(undefined);
    this.#results.settle(this.#ticket);
  }

  /** Its outcome has come. */
  get isAnswered(): boolean {
    return this.#ticket.settled;
  }

  /** Resolves when its outcome has come, or after so many ms. */
  async answered(limit: Milliseconds, signal: AbortSignal | undefined): Promise<void> {
    const endsAt = performance.now() + limit;
    while (!this.isAnswered && performance.now() < endsAt) {
      this.heard = false;
      await this.next(endsAt - performance.now(), signal);
    }
  }

  /** How the task has ended, by its answers; undefined = they have not come. */
  get end(): Omit<StateUpdate, "attemptsMade"> | undefined {
    if (!this.isAnswered || !this.#outcome || this.#outcome.value === this.#missing) return undefined;
    const { ok, value } = this.#outcome;
    if (ok) return { type: "state", state: "completed", failedReason: null };
    const state = value instanceof CancelledError ? "cancelled" : "failed";
    return { type: "state", state, failedReason: value instanceof Error ? value.message : String(value) };
  }

  #hear(): void {
    if (this.#isStopped) return;
    this.heard = true;
    this.#ring();
  }

  /** @returns whether it rang within so many ms, or since `heard` was set back */
  async next(limit: Milliseconds, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.heard) return true;
    if (limit <= 0) return false;
    return waitWith(limit, { signal }, (done) => {
      this.#ring = done;
      return () => {
        this.#ring = () => {};
      };
    });
  }
}
