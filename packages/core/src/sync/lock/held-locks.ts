import type { ObjectRuntime } from "../../objects/index.ts";
import type { HeldLock } from "./held-lock.ts";

const heldLocks = new WeakMap<ObjectRuntime, Set<HeldLock>>();

/**
 * The locks that a context holds: verified after each reconnect and when Redis lost its data, given back when the
 * context closes. One set of listeners, however many locks are held.
 */
export function heldLocksOf(runtime: ObjectRuntime): Set<HeldLock> {
  const known = heldLocks.get(runtime);
  if (known) return known;
  const held = new Set<HeldLock>();
  heldLocks.set(runtime, held);
  const verify = (wasStateLost: boolean) => (): void => {
    for (const lock of [...held]) lock.verify(wasStateLost);
  };
  runtime.session.on("reconnected", verify(false));
  runtime.session.on("stateLost", verify(true));
  runtime.closing.add(() => Promise.allSettled([...held].map((lock) => lock.release())));
  return held;
}
