import type { StandardSchemaV1 } from "@standard-schema/spec";
import { assertOptions, optionsOf } from "../checks/index.ts";
import { got, ValueError } from "../errors/index.ts";
import type { Milliseconds } from "../time/index.ts";
import { MAX_TIMER } from "../time/index.ts";
import type { Isolation } from "../wire/records/records.ts";
import { callSiteOf } from "./caller-module.ts";
import { registerTask } from "./task-registry.ts";

/** How long to wait before the next attempt; the shapes of BullMQ. */
export interface Backoff {
  type: "fixed" | "exponential";
  /** Milliseconds before the second attempt. */
  delay: Milliseconds;
  /** Share of the delay, 0 to 1, that is random. */
  jitter?: number | undefined;
}

/** Options of a task; an option given at submission wins over the task's own. */
export interface TaskOptions<Args extends unknown[] = unknown[]> {
  /**
   * Tries in total, the first included.
   * @defaultValue 1
   */
  attempts?: number | undefined;
  /** Milliseconds between tries, or a {@link Backoff}. */
  backoff?: Milliseconds | Backoff | undefined;
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
   * Any Standard Schema validator (zod, valibot, arktype…) of the argument list, such as `z.tuple([z.number()])`; for
   * a task of one argument also of that argument. Checked where the call is made and again where it runs. What it makes
   * of the arguments (defaults, coercions) is what is sent, so it must accept that too.
   */
  schema?: StandardSchemaV1<unknown, Args> | StandardSchemaV1<unknown, Args[0]> | undefined;
  /** Where the code runs; absent: what the pool, then the host, says. */
  isolation?: Isolation | undefined;
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
  checkName(name);
  if (typeof run !== "function") throw new ValueError(`task "${name}" needs a function to run; got ${typeof run}`);
  assertOptions(`task "${name}"`, options, TASK_OPTIONS);
  checkTaskOptions(`task "${name}"`, options);
  checkReach(`task "${name}": resultTtl`, options.resultTtl);
  return defineTask(name, run, { options, ...callSiteOf(task) });
}

const TASK_OPTIONS = optionsOf<TaskOptions>({
  attempts: true,
  backoff: true,
  timeout: true,
  softTimeout: true,
  priority: true,
  resultTtl: true,
  schema: true,
  isolation: true,
});

const BACKOFF = optionsOf<Backoff>({ type: true, delay: true, jitter: true });

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

function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string" || !/^[\p{L}\p{N}_.:/@-]{1,200}$/u.test(name)) {
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
  const { attempts, backoff, timeout, softTimeout, priority, resultTtl, isolation, schema } = options;
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1))
    bad("attempts", "a whole number from 1");
  if (timeout !== undefined && !isDuration(timeout, MAX_TIMER)) bad("timeout", TIMER_RANGE);
  if (softTimeout !== undefined && !isDuration(softTimeout, MAX_TIMER)) bad("softTimeout", TIMER_RANGE);
  if (resultTtl !== undefined && !isDuration(resultTtl, Number.MAX_VALUE)) bad("resultTtl", "milliseconds above 0");
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 2_097_151)) {
    bad("priority", "a whole number from 1 to 2097151");
  }
  if (isolation !== undefined && !["process", "thread", "inline"].includes(isolation)) {
    bad("isolation", "process, thread or inline");
  }
  if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    bad("schema", "a Standard Schema validator");
  }
  if (typeof backoff === "object" && backoff !== null) assertOptions(`${whose}: backoff`, backoff, BACKOFF);
  const delay = typeof backoff === "object" && backoff !== null ? backoff.delay : backoff;
  if (backoff !== undefined && !(typeof delay === "number" && delay >= 0 && Number.isFinite(delay))) {
    bad("backoff", "milliseconds, or { type, delay }");
  }
  if (typeof backoff === "object" && backoff !== null && !["fixed", "exponential"].includes(backoff.type)) {
    bad("backoff", "of type fixed or exponential");
  }
  const longest = longestBackoff(options);
  if (longest > LONGEST_DURATION) {
    bad("backoff", `at most ${LONGEST_DURATION} ms, also before the last of ${attempts ?? 1} attempts`);
  }
  const jitter = typeof backoff === "object" && backoff !== null ? backoff.jitter : undefined;
  if (jitter !== undefined && !(jitter >= 0 && jitter <= 1)) bad("backoff", "with a jitter from 0 to 1");
}

/** Longest time, ms, behind which there is a date: half of the reach of JavaScript's dates, some 136 000 years. */
export const LONGEST_DURATION = 4_320_000_000_000_000;

/** The wait before the last attempt, ms: an exponential backoff doubles. */
function longestBackoff({ attempts = 1, backoff }: TaskOptions<never> | TaskOptions): Milliseconds {
  if (typeof backoff !== "object" || backoff === null) return backoff ?? 0;
  return backoff.type === "exponential" ? backoff.delay * 2 ** Math.max(0, attempts - 2) : backoff.delay;
}

/** Longest delay that a timer of Node keeps, ms. */
const TIMER_RANGE: string = `milliseconds above 0, at most ${MAX_TIMER}`;

function isDuration(value: unknown, longest: number): boolean {
  return typeof value === "number" && value > 0 && value <= longest;
}
