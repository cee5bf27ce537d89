import { CancelledError, ManyhandsError } from "../errors/index.ts";
import type { Canvas, RunningTask, Task } from "../tasks/index.ts";
import { runningTask } from "../tasks/index.ts";
import type { TaskHandle, TaskPlace } from "../work/submission/index.ts";
import type { SubmitOptions } from "../work/submission/submit-options.ts";
import type { WorkflowOptions } from "../work/workflows/index.ts";
import { currentContext } from "./current-context.ts";

/** How a child is submitted; without a pool in the one of its parent. */
type ChildOptions = SubmitOptions & { pool?: string | undefined };

/** The running task, seen from inside. */
export interface CurrentTask extends RunningTask {
  /**
   * Submits a child: a workflow that belongs to this task. It has the id `<task>/<n>`, the n-th that this run submits, or the
   * given one, so the second run of this task finds it instead of submitting it again. With this task it is cancelled.
   * @returns its handle, once Redis has all of it
   * @throws CancelledError when this task is being cancelled; as `mp.submit`; ManyhandsError in the target of a process
   */
  submit<Result>(canvas: Canvas<[], Result>, options?: WorkflowOptions): Promise<TaskHandle<Result>>;
  /** The same for one call. */
  submit<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: ChildOptions,
  ): Promise<TaskHandle<Awaited<Result>>>;
  submit(task: string, args?: unknown[], options?: ChildOptions): Promise<TaskHandle<unknown>>;
}

/** A running task as worker hosts make it: where its job is, unless it is a process. */
interface PlacedTask extends RunningTask {
  readonly place?: TaskPlace;
}

/**
 * The task that the calling code runs in.
 * @throws ManyhandsError outside a task
 */
export function currentTask(): CurrentTask {
  const scope = runningTask() as PlacedTask & Partial<Pick<CurrentTask, "submit">>;
  if (scope.submit === undefined) {
    let children = 0;
    // A function of its own, so that `const { submit } = currentTask()` works.
    const submit = async (...call: unknown[]): Promise<TaskHandle<unknown>> => {
      const { place, id, signal } = scope;
      if (place === undefined) {
        throw new ManyhandsError(
          "currentTask().submit() was called in the target of a process, which is no task of a pool; use currentContext().submit()",
        );
      }
      children += 1;
      if (signal.aborted && signal.reason instanceof CancelledError) throw signal.reason;
      return currentContext().submitChild({ place, id: `${id}/${children}` }, call);
    };
    Object.defineProperty(scope, "submit", { value: submit });
  }
  return scope as CurrentTask;
}
