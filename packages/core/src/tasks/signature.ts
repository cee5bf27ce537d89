import { assertOptions, type OptionTypes, optionsOf } from "../checks/index.ts";
import { got, ValueError } from "../errors/index.ts";
import type { AnyInput } from "./canvas.ts";
import { type GivenArgs, type InputFor, makeSignature, type Signature, type StepOptions } from "./step.ts";
import { type AnyTask, checkTaskName, isTask, type Task } from "./task.ts";

/** What each step may say. */
export const STEP_OPTIONS: OptionTypes = optionsOf<StepOptions>({
  ...{ pool: "text", delay: true, priority: true, attempts: true, backoff: true, timeout: true, softTimeout: true },
  ...{ tags: true, resultTtl: true, limitKey: true },
});

/**
 * A call of a task as a step of a workflow: its arguments, and how it runs. In a chain the result before it comes first, the
 * given arguments follow.
 *
 * ```ts
 * const step = signature(partition, [day, 7], { pool: "parts", attempts: 3 });
 * ```
 *
 * @throws ValueError for what is no task or no name of one, arguments that are no list, an unknown option
 */
export function signature<Args extends unknown[], Result, Given extends GivenArgs<Args>>(
  task: Task<Args, Result>,
  args: Given,
  options?: StepOptions,
): Signature<InputFor<Args, Given>, Awaited<Result>>;
export function signature<Args extends unknown[], Result>(
  task: Task<Args, Result>,
): Signature<InputFor<Args, []>, Awaited<Result>>;
export function signature(task: string, args?: unknown[], options?: StepOptions): Signature<AnyInput, unknown>;
export function signature(
  task: AnyTask | string,
  args: unknown[] = [],
  options: StepOptions = {},
): Signature<AnyInput, unknown> {
  if (typeof task === "string") checkTaskName(task);
  else if (!isTask(task)) {
    throw new ValueError(`signature() takes a task, made with task(name, run), or its name; got ${got(task)}`);
  }
  const name = typeof task === "string" ? task : task.name;
  if (!Array.isArray(args)) {
    throw new ValueError(`the arguments of a step of task "${name}" are a list; got ${got(args)}`);
  }
  assertOptions(`a step of task "${name}"`, options, STEP_OPTIONS);
  return makeSignature({
    ...{ task: name, definition: typeof task === "string" ? undefined : task },
    ...{ args: [...args], options: { ...options }, isImmutable: false },
  });
}
