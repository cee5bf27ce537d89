import { setMaxListeners } from "node:events";
import { got, TimeoutError, ValueError } from "../../errors/index.ts";
import { type Patience, toLimit, waitWith } from "../../time/index.ts";
import { failed, type Outcome } from "../results/index.ts";
import { isFinished, TaskHandle } from "../submission/index.ts";
import { AsyncResult } from "./async-result.ts";

/** What can be waited for together with others: a result of a call, or a handle of a task. */
export type Completable<Value = unknown> = AsyncResult<Value> | TaskHandle<Value>;

/** The value of such a result. */
export type CompletedValue<Of> =
  Of extends AsyncResult<infer Value> ? Value : Of extends TaskHandle<infer Value> ? Value : never;

/**
 * A result that has completed: the very object that was given. Its type has no `then`, because TypeScript takes what a loop
 * `for await` gives for awaited where it is awaitable.
 */
export type Completed<Of> = Of extends AsyncResult<infer Value> ? Omit<AsyncResult<Value>, "then"> : Of;

interface Completion<Of> {
  result: Of;
  outcome: Outcome;
}

/**
 * Gives the results in the order in which they complete, failed ones as well. Not a generator: that would await a result,
 * which is awaitable, and give its value.
 */
export function asCompleted<Of extends Completable>(
  results: readonly Of[],
  patience: Patience | undefined,
): AsyncIterableIterator<Completed<Of>, void, undefined> {
  const source = completions(results, patience);
  const iterator: AsyncIterableIterator<Completed<Of>, void, undefined> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      const next = await source.next();
      return next.done === true ? next : { done: false, value: next.value.result as Completed<Of> };
    },
    async return() {
      await source.return();
      return { done: true, value: undefined };
    },
  };
  return iterator;
}

/** The value of the first that succeeds. @throws AggregateError when all have failed, with their errors in the given order */
export async function anyOf<Of extends Completable>(
  results: readonly Of[],
  patience: Patience | undefined,
): Promise<CompletedValue<Of>> {
  const errors = new Map<Of, unknown>();
  for await (const { result, outcome } of completions(results, patience)) {
    if (outcome.ok) return outcome.value as CompletedValue<Of>;
    errors.set(result, outcome.value);
  }
  const reason = results.length === 0 ? "no result was given" : `all ${results.length} results failed`;
  throw new AggregateError(
    results.map((result) => errors.get(result)),
    reason,
  );
}

/** @throws ValueError for anything else than a list of results and handles */
export function checkResults<Of>(method: string, results: Iterable<Of>): Of[] {
  const isIterable = typeof results === "object" && results !== null && Symbol.iterator in results;
  if (!isIterable) {
    throw new ValueError(`mp.${method}() takes a list of results or task handles; got ${got(results)}`);
  }
  const list = [...results];
  for (const [index, one] of list.entries()) {
    if (one instanceof AsyncResult || one instanceof TaskHandle) continue;
    throw new ValueError(
      `mp.${method}() takes results of applyAsync and mapAsync, and task handles; got ${got(one)} at position ${index}`,
    );
  }
  return list;
}

async function* completions<Of extends Completable>(
  results: readonly Of[],
  patience: Patience | undefined,
): AsyncGenerator<Completion<Of>, void, undefined> {
  const { limit, signal } = toLimit(patience);
  signal?.throwIfAborted();
  const open = new Set(results);
  if (limit <= 0) return yield* completedNow(open);
  const end = performance.now() + limit;
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const done: Completion<Of>[] = [];
  let wake = (): void => {};
  for (const result of open) {
    outcomeOf(result, ending.signal).then((outcome) => {
      done.push({ result, outcome });
      wake();
    }, ignore);
  }
  try {
    while (open.size > 0) {
      const isInTime =
        done.length > 0 ||
        (await waitWith(end - performance.now(), { signal }, (woken) => {
          wake = woken;
          return () => {
            wake = () => {};
          };
        }));
      if (!isInTime) throw tooLate(open.size, limit);
      for (let next = done.shift(); next; next = done.shift()) {
        open.delete(next.result);
        yield next;
      }
    }
  } finally {
    ending.abort();
  }
}

/** One look. */
async function* completedNow<Of extends Completable>(open: Set<Of>): AsyncGenerator<Completion<Of>, void, undefined> {
  const looks = await Promise.all(
    [...open].map(async (result) => {
      if (result instanceof AsyncResult && !result.ready()) return null;
      // A task whose own error is a TimeoutError has completed as well; its state tells.
      const outcome = await settled(result.get(false));
      const isOpen = !outcome.ok && outcome.value instanceof TimeoutError && !(await hasEnded(result));
      return isOpen ? null : { result, outcome };
    }),
  );
  for (const look of looks) {
    if (!look) continue;
    open.delete(look.result);
    yield look;
  }
  if (open.size > 0) throw tooLate(open.size, 0);
}

async function hasEnded(result: Completable): Promise<boolean> {
  return result instanceof AsyncResult ? result.ready() : isFinished(await result.state());
}

/** @throws when the wait was ended */
async function outcomeOf(result: Completable, signal: AbortSignal): Promise<Outcome> {
  const outcome = await settled(result.get({ signal }));
  signal.throwIfAborted();
  return outcome;
}

function settled(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then((value): Outcome => ({ ok: true, value, micros: 0 }), failed);
}

function tooLate(open: number, limit: number): TimeoutError {
  return new TimeoutError(
    `${open} of the results did not complete within ${Math.max(0, limit)} ms; they are still under way`,
  );
}

function ignore(): void {}
