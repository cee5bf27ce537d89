import { AsyncLocalStorage } from "node:async_hooks";
import { ManyhandsError } from "../errors/index.ts";
import { shared } from "../package/index.ts";

/** The running task, seen from inside. */
export interface RunningTask {
  /** Id of the job; `<job>.<n>` for one of several calls that share a job. */
  readonly id: string;
  readonly name: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Name of the worker host. */
  readonly host: string;
  readonly pid: number;
  /** Aborted when the task is cancelled or its `softTimeout` has passed; `signal.reason` says which. */
  readonly signal: AbortSignal;
  /** Reports progress: a number from 0 to 100, or any value that is plain JSON. */
  progress(value: unknown): void;
  /** Adds one line to the task's log. */
  log(line: string): void;
}

const scopes: AsyncLocalStorage<RunningTask> = shared(
  "manyhands.currentTask",
  () => new AsyncLocalStorage<RunningTask>(),
);

/**
 * The task that the calling code runs in.
 * @throws ManyhandsError outside a task
 */
export function runningTask(): RunningTask {
  const scope = scopes.getStore();
  if (!scope)
    throw new ManyhandsError("currentTask() was called outside a task; it works only in code that a worker runs");
  return scope;
}

/** The running task, or undefined outside one. */
export function findCurrentTask(): RunningTask | undefined {
  return scopes.getStore();
}

const endings: WeakMap<RunningTask, (() => void)[]> = shared("manyhands.taskEndings", () => new WeakMap());

/** Runs `body` as the given task. For worker hosts. */
export function runInTask<Result>(scope: RunningTask, body: () => Result): Result {
  let isPending = false;
  try {
    const result = scopes.run(scope, body);
    isPending = result instanceof Promise;
    if (result instanceof Promise) result.then(end, end);
    return result;
  } finally {
    if (!isPending) end();
  }
  function end(): void {
    for (const listener of endings.get(scope) ?? []) listener();
  }
}

/** Calls `listener` once that running task's function has ended, however it ends. */
export function whenTaskEnds(scope: RunningTask, listener: () => void): void {
  const listeners = endings.get(scope);
  if (listeners) listeners.push(listener);
  else endings.set(scope, [listener]);
}
