import type { StandardSchemaV1 } from "@standard-schema/spec";
import { assertOptions, optionsOf } from "../checks/index.ts";
import { got, ValueError } from "../errors/index.ts";
import type { Milliseconds } from "../time/index.ts";
import { MAX_TIMER } from "../time/index.ts";
import { checkKeep, type Keep } from "../wire/records/keep.ts";
import { type Limits, toLimitRule } from "../wire/records/limits.ts";
import type { Isolation } from "../wire/records/records.ts";
import { callSiteOf } from "./caller-module.ts";
import { type GivenArgs, type InputFor, makeSignature, type Signature } from "./step.ts";
import { registerTask } from "./task-registry.ts";

/** How long to wait before the next attempt; the shapes of BullMQ, and `max`. */
export interface Backoff {
  type: "fixed" | "exponential";
  /** Milliseconds before the second attempt. */
  delay: Milliseconds;
  /**
   * Longest wait in milliseconds, of an exponential backoff, which doubles with each attempt.
   * @defaultValue no limit
   */
  max?: Milliseconds | undefined;
  /** Share of the delay, 0 to 1, that is random. */
  jitter?: number | undefined;
}

/**
 * Says how long to wait before the next attempt, in milliseconds. Runs in the child, after an attempt has failed.
 * @param attempt - Attempts that have failed so far, from 1.
 * @param error - What the task threw.
 */
export type BackoffFunction = (attempt: number, error: unknown) => Milliseconds;

/** Errors after which a task is not tried again: a class, with those that extend it, or the name of one. */
export type FatalErrors = readonly (string | (abstract new (...args: never) => unknown))[];

/** A call that has failed for good: the argument of an `onDead` task. */
export interface DeadTask {
  /** Its id: `mp.task(id)` finds it as long as the history keeps it. */
  id: string;
  /** Name of its task. */
  task: string;
  /** Its arguments; of an item of a `map` these are the item alone. */
  args: unknown[];
  /** What its last try threw. */
  error: unknown;
  /** Tries that were made. */
  attempts: number;
}

/** Options of a task; an option given at submission wins over the task's own. */
export interface TaskOptions<Args extends unknown[] = unknown[]> {
  /**
   * Tries in total, the first included.
   * @defaultValue 1
   */
  attempts?: number | undefined;
  /** Milliseconds between tries, a {@link Backoff}, or a function `(attempt, error) => milliseconds`. */
  backoff?: Milliseconds | Backoff | BackoffFunction | undefined;
  /** How long the history keeps its finished calls. What it leaves open, the pool says, then the host, then the namespace. */
  keep?: Keep | undefined;
  /**
   * A task, or its name, that is called with a {@link DeadTask} for each call that has failed for good, in the same pool. Not
   * for calls that were cancelled.
   */
  onDead?: Task<[DeadTask], unknown> | string | undefined;
  /** Errors after which no further try is made, as after a {@link NonRetryableError}: classes, or their names. */
  fatal?: FatalErrors | undefined;
  /** Hard limit of one call in ms: its child is killed, the call fails with TimeoutError. */
  timeout?: Milliseconds | undefined;
  /** After this many ms `currentTask().signal` is aborted; the call may still answer. */
  softTimeout?: Milliseconds | undefined;
  /** 1 (first) to 2 097 151 (last). Calls without a priority run before all with one. */
  priority?: number | undefined;
  /**
   * Milliseconds for which the outcome can be looked up.
   * @defaultValue 3 600 000
   */
  resultTtl?: Milliseconds | undefined;
  /**
   * Milliseconds from its submission after which a call that has not been started is dropped: it fails with ExpiredError.
   * @defaultValue it waits for as long as it takes
   */
  expires?: Milliseconds | undefined;
  /**
   * Any Standard Schema validator (zod, valibot, arktype…) of the argument list, such as `z.tuple([z.number()])`; for
   * a task of one argument also of that argument. Checked where the call is made and again where it runs. What it makes
   * of the arguments (defaults, coercions) is what is sent, so it must accept that too.
   */
  schema?: StandardSchemaV1<unknown, Args> | StandardSchemaV1<unknown, Args[0]> | undefined;
  /** Where the code runs; absent: what the pool, then the host, says. */
  isolation?: Isolation | undefined;
  /**
   * How many of its calls may start, over all hosts and all pools; with a `key`, for each key by itself, and keys take turns.
   * They come before the limits of the pool.
   * @defaultValue the limits of the pool
   */
  limits?: Limits | undefined;
}

/** A function known by name on every host. A direct call runs it here. */
export interface Task<Args extends unknown[] = unknown[], Result = unknown> {
  (...args: Args): Result;
  /** Name under which hosts know it. */
  readonly name: string;
  readonly run: (...args: Args) => Result;
  readonly options: Readonly<TaskOptions>;
  /** URL of the module that defines it. */
  readonly module: string;
  /**
   * A call with these arguments as a step of a workflow; {@link signature} takes options as well. Without the first argument it
   * takes the result of what comes before it in a chain.
   */
  with<Of extends unknown[], Gives, Given extends GivenArgs<Of>>(
    this: Task<Of, Gives>,
    ...args: Given
  ): Signature<InputFor<Of, Given>, Awaited<Gives>>;
}

/** Any task, with any arguments. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, so no narrower type accepts every task.
export type AnyTask = Task<any[], unknown>;

/** What a task gives once it has run. */
export type TaskResult<T> = T extends Task<infer _Args, infer Result> ? Awaited<Result> : never;

/**
 * Gives a function a name under which producers and worker hosts mean the same code.
 *
 * ```ts
 * export const square = task("square", async (x: number) => x * x);
 * ```
 *
 * @throws ValueError a bad name or option, or a second task of the same name, in this module or another one
 */
export function task<Args extends unknown[], Result>(
  name: string,
  run: (...args: Args) => Result,
  options: TaskOptions<Args> = {},
): Task<Args, Result> {
  checkTaskName(name);
  if (typeof run !== "function") throw new ValueError(`task "${name}" needs a function to run; got ${typeof run}`);
  assertOptions(`task "${name}"`, options, TASK_OPTIONS);
  checkTaskOptions(`task "${name}"`, options);
  checkReach(`task "${name}": resultTtl`, options.resultTtl);
  checkReach(`task "${name}": expires`, options.expires);
  return defineTask(name, run, { options, ...callSiteOf(task) });
}

const TASK_OPTIONS = optionsOf<TaskOptions>({
  attempts: true,
  backoff: true,
  fatal: true,
  keep: true,
  onDead: true,
  timeout: true,
  softTimeout: true,
  priority: true,
  resultTtl: true,
  expires: true,
  schema: true,
  isolation: true,
  limits: true,
});

const BACKOFF = optionsOf<Backoff>({ type: true, delay: true, max: true, jitter: true });

/** Registers a function as the task of that name, without looking at what it is given. */
export function defineTask<Args extends unknown[], Result>(
  name: string,
  run: (...args: Args) => Result,
  { options = {}, module, position = "" }: { options?: TaskOptions<Args>; module: string; position?: string },
): Task<Args, Result> {
  const callable = ((...args: Args) => run(...args)) as Task<Args, Result>;
  Object.defineProperties(callable, {
    name: { value: name },
    run: { value: run },
    options: { value: Object.freeze({ ...options }) },
    module: { value: module },
    with: {
      value: (...args: unknown[]) =>
        makeSignature({
          task: name,
          definition: callable as unknown as AnyTask,
          args,
          options: {},
          isImmutable: false,
        }),
    },
  });
  registerTask(callable as unknown as AnyTask, position);
  return callable;
}

/** True for what {@link task} returned, also when it comes from a second copy of this package. */
export function isTask(value: unknown): value is AnyTask {
  return (
    typeof value === "function" &&
    typeof (value as Partial<AnyTask>).run === "function" &&
    typeof (value as Partial<AnyTask>).options === "object"
  );
}

/** Whether tasks can have it. */
export function isTaskName(name: unknown): name is string {
  return typeof name === "string" && /^[\p{L}\p{N}_.:/@-]{1,200}$/u.test(name);
}

/** @throws ValueError for what no task can be named */
export function checkTaskName(name: unknown): asserts name is string {
  if (!isTaskName(name)) {
    throw new ValueError(`a task's name is 1 to 200 letters, digits or any of _ . : / @ - ; got ${got(name)}`);
  }
}

/** @throws ValueError for a time that ends where no date is. @param what - How the message names it */
export function checkReach(what: string, duration: Milliseconds | undefined): void {
  if (duration === undefined || duration <= LONGEST_DURATION) return;
  throw new ValueError(
    `${what} must be at most ${LONGEST_DURATION} ms, so that its end is a date; got ${got(duration)}`,
  );
}

/** Shared with submissions, which take the same options. @param whose - How the message begins. */
export function checkTaskOptions(whose: string, options: TaskOptions<never> | TaskOptions): void {
  const bad = (option: string, wanted: string): never => {
    const value = (options as Record<string, unknown>)[option];
    throw new ValueError(`${whose}: ${option} must be ${wanted}; got ${got(value)}`);
  };
  const { attempts, timeout, softTimeout, priority, resultTtl, expires, isolation, schema, fatal, keep, onDead } =
    options;
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1))
    bad("attempts", "a whole number from 1");
  if (timeout !== undefined && !isDuration(timeout, MAX_TIMER)) bad("timeout", TIMER_RANGE);
  if (softTimeout !== undefined && !isDuration(softTimeout, MAX_TIMER)) bad("softTimeout", TIMER_RANGE);
  if (resultTtl !== undefined && !isDuration(resultTtl, Number.MAX_VALUE)) bad("resultTtl", "milliseconds above 0");
  if (expires !== undefined && !isDuration(expires, Number.MAX_VALUE)) bad("expires", "milliseconds above 0");
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 2_097_151)) {
    bad("priority", "a whole number from 1 to 2097151");
  }
  if (isolation !== undefined && !["process", "thread", "inline"].includes(isolation)) {
    bad("isolation", "process, thread or inline");
  }
  if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    bad("schema", "a Standard Schema validator");
  }
  if (fatal !== undefined && !(Array.isArray(fatal) && fatal.every(isErrorClass))) {
    bad("fatal", "a list of error classes or their names");
  }
  checkKeep(whose, keep);
  if (options.limits !== undefined) toLimitRule(whose, options.limits);
  if (onDead !== undefined && !(isTask(onDead) || isTaskName(onDead))) bad("onDead", "a task or the name of one");
  checkBackoff(whose, options, bad);
}

/** A class that errors can have, or the name of one. */
function isErrorClass(given: unknown): boolean {
  if (typeof given === "string") return given.trim() !== "";
  return typeof given === "function" && (given === Error || given.prototype instanceof Error);
}

function checkBackoff(
  whose: string,
  options: TaskOptions<never> | TaskOptions,
  bad: (option: string, wanted: string) => never,
): void {
  const { attempts, backoff } = options;
  if (backoff === undefined || typeof backoff === "function") return;
  const { type, delay, max, jitter } = typeof backoff === "object" && backoff !== null ? backoff : FIXED(backoff);
  if (typeof backoff === "object" && backoff !== null) assertOptions(`${whose}: backoff`, backoff, BACKOFF);
  if (!(typeof delay === "number" && delay >= 0 && Number.isFinite(delay))) {
    // A call, and a job in Redis, can have no function.
    const isOfTask = whose.startsWith("task ");
    bad(
      "backoff",
      isOfTask
        ? "milliseconds, { type, delay }, or a function (attempt, error) => milliseconds"
        : "milliseconds, or { type, delay }",
    );
  }
  if (!["fixed", "exponential"].includes(type)) bad("backoff", "of type fixed or exponential");
  if (max !== undefined && type !== "exponential") bad("backoff", "of type exponential where it has a max");
  if (max !== undefined && !(typeof max === "number" && max > 0 && max <= LONGEST_DURATION)) {
    bad("backoff", `with a max of milliseconds above 0, at most ${LONGEST_DURATION}`);
  }
  if (jitter !== undefined && !(typeof jitter === "number" && jitter >= 0 && jitter <= 1))
    bad("backoff", "with a jitter from 0 to 1");
  if (longestBackoff({ type, delay, max }, attempts ?? 1) > LONGEST_DURATION) {
    bad("backoff", `at most ${LONGEST_DURATION} ms, also before the last of ${attempts ?? 1} attempts`);
  }
}

const FIXED = (delay: Milliseconds): Backoff => ({ type: "fixed", delay });

/** Longest time, ms, behind which there is a date: half of the reach of JavaScript's dates, some 136 000 years. */
export const LONGEST_DURATION = 4_320_000_000_000_000;

/** The wait before the last attempt, ms: an exponential backoff doubles. */
function longestBackoff({ type, delay, max = Number.POSITIVE_INFINITY }: Backoff, attempts: number): Milliseconds {
  return type === "exponential" ? Math.min(max, delay * 2 ** Math.max(0, attempts - 2)) : delay;
}

/** Longest delay that a timer of Node keeps, ms. */
const TIMER_RANGE: string = `milliseconds above 0, at most ${MAX_TIMER}`;

function isDuration(value: unknown, longest: number): boolean {
  return typeof value === "number" && value > 0 && value <= longest;
}
