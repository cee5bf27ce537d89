import { got, ValueError } from "../../../errors/index.ts";
import type { KeepAlive } from "../../../redis/connection/index.ts";
import {
  type Milliseconds,
  type Patience,
  toTimedLimit,
  type WaitOptions,
  waitWith,
  within,
} from "../../../time/index.ts";

/**
 * What `mp.wait()` takes: connections and queues (something can be taken, or never will), results (`AsyncResult`), the
 * sentinels of processes.
 */
export type Waitable =
  | { poll(options: WaitOptions): Promise<boolean> }
  | { ready(): boolean; wait(options: WaitOptions): Promise<unknown> }
  | { readonly ready: boolean; readonly whenReady: Promise<void> };

/** How long each look at what is ready may take in any case, ms. */
const LOOK_TIME: Milliseconds = 1_000;

/** How one object is waited for. */
interface Watch {
  isReady(): boolean | Promise<boolean>;
  whenReady(signal: AbortSignal): Promise<unknown>;
}

/** For `mp.wait()`. */
export async function waitForAny<Item extends Waitable>(
  keepAlive: KeepAlive,
  objects: Iterable<Item>,
  wait: Milliseconds | Patience | undefined,
): Promise<Item[]> {
  const { limit, signal } = toTimedLimit(wait);
  signal?.throwIfAborted();
  if (typeof (objects as Partial<Iterable<Item>> | null | undefined)?.[Symbol.iterator] !== "function") {
    throw new ValueError(`mp.wait() takes a list of what to wait for; got ${got(objects)}`);
  }
  const items = [...objects];
  const watches = items.map(watchOf);
  return keepAlive.during(waitForWatches(items, watches, { limit, signal }));
}

async function waitForWatches<Item>(
  items: Item[],
  watches: Watch[],
  { limit, signal }: { limit: Milliseconds; signal: AbortSignal | undefined },
): Promise<Item[]> {
  const deadline = performance.now() + limit;
  while (true) {
    const looks = Promise.all(watches.map((watch) => watch.isReady()));
    // What is ready is told also when there is no time to wait; but Redis may not answer at all.
    const answered = await within(looks, Math.max(deadline - performance.now(), LOOK_TIME), { signal });
    if (!answered) return [];
    const ready = items.filter((_, index) => answered.value[index]);
    const left = deadline - performance.now();
    if (ready.length > 0 || left <= 0) return ready;
    signal?.throwIfAborted();
    if (!(await untilAny(watches, left, signal))) return [];
  }
}

/** @returns false when `limit` ms went by first */
async function untilAny(watches: Watch[], limit: Milliseconds, signal: AbortSignal | undefined): Promise<boolean> {
  const enough = new AbortController();
  let failure: { error: unknown } | undefined;
  try {
    const inTime = await waitWith(limit, { signal }, (done) => {
      for (const watch of watches) {
        watch.whenReady(enough.signal).then(done, (error: unknown) => {
          failure ??= { error };
          done();
        });
      }
      return () => {};
    });
    if (failure) throw failure.error;
    return inTime;
  } finally {
    enough.abort();
  }
}

function watchOf(item: Waitable): Watch {
  if (typeof item === "object" && item !== null) {
    if ("poll" in item) {
      return { isReady: () => item.poll({ timeout: 0 }), whenReady: (signal) => item.poll({ signal }) };
    }
    if ("whenReady" in item) {
      return { isReady: () => item.ready, whenReady: (signal) => settles(item.whenReady, signal) };
    }
    if ("ready" in item && "wait" in item) {
      return { isReady: () => item.ready(), whenReady: (signal) => item.wait({ signal }) };
    }
  }
  throw new ValueError(
    `wait() takes connections, queues, results and sentinels of processes; got ${got(item)}. For promises use Promise.race`,
  );
}

/** Those who wait for a promise; it is told of one listener only, because a promise forgets none of them. */
const listeners = new WeakMap<Promise<void>, Set<() => void>>();

/** Resolves when `promise` does, unless the signal came first. */
function settles(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const known = listeners.get(promise);
  const all = known ?? new Set();
  if (!known) {
    listeners.set(promise, all);
    void promise.then(() => {
      // From now on a caller asks the promise itself.
      listeners.delete(promise);
      for (const listener of all) listener();
    });
  }
  return new Promise((resolve) => {
    all.add(resolve);
    signal.addEventListener("abort", () => all.delete(resolve), { once: true });
  });
}
