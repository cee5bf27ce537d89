const endings = new WeakSet<Error>();

/** Marks the error of what a program has ended itself, by terminating a pool or closing its context. */
export function markOwnEnding<Ending extends Error>(error: Ending): Ending {
  endings.add(error);
  return error;
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
