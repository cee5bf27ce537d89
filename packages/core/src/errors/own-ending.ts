import { ClosedError } from "./errors.ts";

const endings = new WeakSet<Error>();

/** Marks the error of what a program has ended itself, by terminating a pool or closing its context. */
export function markOwnEnding<Ending extends Error>(error: Ending): Ending {
  endings.add(error);
  return error;
}

/** What a wait fails with that a context ends with itself. */
export function closedWhileWaiting(): ClosedError {
  return markOwnEnding(new ClosedError("the context was closed while this was waited for"));
}

/**
 * A promise of a result, which may have no waiter. One that is discarded and fails is an unhandled rejection, as
 * everywhere in JavaScript, and ends the program; but not where the program itself has ended what the result was to come
 * from: that would put this error in the place of the one that made the program leave, or end a program that is about to
 * end well. Code that awaits the promise gets the error in any case.
 */
export function resultPromise<Value>(result: () => Promise<Value>): Promise<Value> {
  const promise: Promise<Value> = settle(begin(result), () => promise.catch(() => {}));
  return promise;
}

/** Here and not in `settle`, which would keep what `result` refers to, such as a pool, for as long as it waits. */
function begin<Value>(result: () => Promise<Value>): Promise<Value> {
  try {
    return result();
  } catch (error) {
    return Promise.reject(error);
  }
}

async function settle<Value>(result: Promise<Value>, spare: () => void): Promise<Value> {
  try {
    return await result;
  } catch (error) {
    // Before the promise fails; it exists by now, because something was awaited.
    if (error instanceof Error && endings.has(error)) spare();
    throw error;
  }
}

const sparing = new WeakSet<object>();

/**
 * Makes the methods and getters of a class, and of those that it extends, answer with promises that are as
 * {@link resultPromise} makes them: a wait that is discarded does not end the program which has ended it.
 *
 * @param isOver - Whether what the object belongs to had ended before the call; then its failure is reported as any other.
 */
export function spareDiscarded<Instance extends object>(
  prototype: Instance,
  isOver: (self: Instance) => boolean = () => false,
): void {
  const parent: unknown = Object.getPrototypeOf(prototype);
  if (parent === null || sparing.has(prototype)) return;
  sparing.add(prototype);
  spareDiscarded(parent as Instance, isOver);
  for (const key of Reflect.ownKeys(prototype)) {
    const property = Object.getOwnPropertyDescriptor(prototype, key);
    if (key === "constructor" || !property?.configurable) continue;
    for (const part of ["value", "get"] as const) {
      const original: unknown = property[part];
      if (typeof original === "function") property[part] = sparingCall(original as Call<Instance>, isOver);
    }
    Object.defineProperty(prototype, key, property);
  }
}

type Call<Instance> = (this: Instance, ...args: unknown[]) => unknown;

function sparingCall<Instance extends object>(
  original: Call<Instance>,
  isOver: (self: Instance) => boolean,
): Call<Instance> {
  const call = function (this: Instance, ...args: unknown[]): unknown {
    const wasOver = isOver(this);
    const answer = Reflect.apply(original, this, args);
    return answer instanceof Promise && !wasOver ? resultPromise(() => answer) : answer;
  };
  Object.defineProperty(call, "name", { value: original.name });
  return call;
}
