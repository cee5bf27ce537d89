import { AsyncLocalStorage } from "node:async_hooks";
import { shared } from "../../../package/index.ts";
import { findCurrentTask, type RunningTask, whenTaskEnds } from "../../../tasks/index.ts";

/**
 * An owner of an RLock (R3): a running task, the main program, or a part of either that runs in `withOwner`. Python's
 * owner is the thread; chains of asynchronous calls have no identity of their own, so what must exclude each other in one
 * program says so.
 */
export type Owner = object;

/** The program itself, outside tasks. */
const MAIN: Owner = shared("manyhands.mainOwner", () => ({}));

interface SubOwner {
  /** The task that it is a part of. */
  task: RunningTask | undefined;
  endings: (() => unknown)[];
}

const scopes: AsyncLocalStorage<SubOwner> = shared("manyhands.owner", () => new AsyncLocalStorage<SubOwner>());

/**
 * Runs `body` as an owner of its own: the RLocks that it acquires exclude the rest of the program, and other calls of
 * `withOwner`, as another thread does in Python. RLocks that it still holds when it ends are released.
 */
export async function withOwner<Value>(body: () => Value | Promise<Value>): Promise<Value> {
  const owner: SubOwner = { task: findCurrentTask(), endings: [] };
  try {
    return await scopes.run(owner, body);
  } finally {
    await Promise.all(owner.endings.map((end) => end()));
  }
}

/** The owner that the calling code is. */
export function currentOwner(): Owner {
  const task = findCurrentTask();
  const scope = scopes.getStore();
  // A task that was started inside a scope is not part of it.
  return scope && scope.task === task ? scope : (task ?? MAIN);
}

/** Calls `listener` once the calling owner has ended; never for the program itself. */
export function whenOwnerEnds(listener: () => unknown): void {
  const task = findCurrentTask();
  const scope = scopes.getStore();
  if (scope && scope.task === task) scope.endings.push(listener);
  else if (task) whenTaskEnds(task, () => void listener());
}
