import { closedWhileWaiting, LockLostError, StateLostError } from "../../../errors/index.ts";
import { type Patience, toLimit, type Waiter } from "../../../session/waiting/index.ts";
import { within } from "../../../time/index.ts";
import { type ObjectRuntime, ownLabel } from "../../object/index.ts";
import { locksOnMainRedis, type SuspendableLock } from "../lock/index.ts";
import { checkWait, notifyWaiters, startWait, type WaitReply } from "./condition-scripts.ts";

/** What a wait and a notify need of their condition. */
export interface ConditionPlace {
  runtime: ObjectRuntime;
  name: string;
  /** Session of the maker of an unnamed condition; "" for a named one. */
  owner: string;
  /** Its lock, "<kind>/<name>". */
  lock: string;
  /** What the caller holds of the lock. */
  hold: SuspendableLock;
}

/**
 * Releases the lock, waits until notified, and acquires the lock again, also when the wait ends in another way.
 *
 * @returns whether it was notified
 * @throws the signal's reason, with the lock held (C7)
 * @throws LockLostError, StateLostError, ClosedError without the lock: then `held.signal` is aborted as well
 */
export async function waitUntilNotified(place: ConditionPlace, patience: Patience | undefined): Promise<boolean> {
  const { limit, signal } = toLimit(patience);
  signal?.throwIfAborted();
  const deadline = performance.now() + limit;
  const { room } = place.runtime;
  room.keepAlive.hold();
  try {
    // Wake-ups must reach this process before it releases the lock.
    if (!room.isStarted) await within(room.start(), Number.POSITIVE_INFINITY, { signal });
    const waiter = room.open(ownLabel());
    try {
      return await waitSuspended(place, { waiter, deadline, signal });
    } finally {
      waiter.close();
    }
  } finally {
    room.keepAlive.release();
  }
}

interface WaitState {
  waiter: Waiter;
  /** The caller's monotonic clock, ms. */
  deadline: number;
  signal: AbortSignal | undefined;
}

async function waitSuspended(place: ConditionPlace, wait: WaitState): Promise<boolean> {
  const { hold } = place;
  hold.suspend();
  let notified: boolean;
  try {
    await start(place, wait);
    notified = await isNotified(place, wait);
    await hold.resume(wait.waiter);
  } catch (error) {
    // The lock is not acquired again, and a notification of this wait would be lost.
    abandon(place, wait);
    hold.abandon(error as Error, wait.waiter);
    throw error;
  }
  // Notified first and interrupted later, it counts as notified.
  if (!notified) wait.signal?.throwIfAborted();
  return notified;
}

async function start(place: ConditionPlace, { waiter }: WaitState): Promise<void> {
  const { runtime, name, owner, lock, hold } = place;
  const isHere = locksOnMainRedis(runtime);
  const answer = await startWait.run(operations(runtime), keysOf(place), [
    runtime.keys.prefix,
    name,
    waiter.entry,
    owner,
    lock,
    hold.held.token,
    isHere ? 1 : 0,
  ]);
  if (answer === "maker gone") {
    hold.release().catch(() => {});
    throw new StateLostError(`the program that made the condition "${name}" has ended, and it with it`);
  }
  // A lock on other nodes is released now: until then no process could notify.
  const wasHeld = isHere ? answer === "waiting" : await hold.release();
  // Closing gives all locks back.
  if (!wasHeld && runtime.isClosed) throw closedWhileWaiting();
  if (!wasHeld) throw new LockLostError(`the lock of the condition "${name}" was lost before the wait began`);
}

/** Waits until notified, or until the time is over or the signal aborts. */
async function isNotified(place: ConditionPlace, { waiter, deadline, signal }: WaitState): Promise<boolean> {
  let isOver = false;
  while (true) {
    try {
      isOver = !(await waiter.next(deadline - performance.now(), signal));
    } catch (error) {
      if (!signal?.aborted) throw error;
      isOver = true;
    }
    const answer = await check(place, waiter, isOver);
    if (answer === "gone")
      throw new StateLostError(`the condition "${place.name}" was removed while it was waited for`);
    // A wait that is not known may have missed a notification: better to look once too often.
    if (answer !== "waiting") return true;
    if (isOver) return false;
  }
}

function check({ runtime, ...place }: ConditionPlace, waiter: Waiter, inAnyCase: boolean): Promise<WaitReply> {
  return checkWait.run(operations(runtime), keysOf({ runtime, ...place }), [
    runtime.keys.prefix,
    place.name,
    waiter.entry,
    inAnyCase ? 1 : 0,
  ]);
}

/** Not waited for: Redis may be away. If the wait was notified meanwhile, the next waiter is notified instead. */
function abandon(place: ConditionPlace, { waiter }: WaitState): void {
  check(place, waiter, true)
    .then((answer) => (answer === "notified" ? notifyNext(place) : undefined))
    .catch(() => {});
}

function notifyNext(place: ConditionPlace): ReturnType<typeof notifyWaiters.run> {
  const { runtime, name, lock } = place;
  return notifyWaiters.run(operations(runtime), keysOf(place), [runtime.keys.prefix, name, 1, lock, ""]);
}

/** The client and the numbering of operations, for scripts that act once. */
export function operations({ client, session }: ObjectRuntime): Pick<ObjectRuntime, "client"> & {
  operations: ObjectRuntime["session"]["operations"];
} {
  return { client, operations: session.operations };
}

/** KEYS of the condition's scripts. */
export function keysOf({ runtime: { keys }, name }: Pick<ConditionPlace, "runtime" | "name">): string[] {
  const part = (what: string): string => keys.object("condition", name, what);
  return [keys.object("condition", name), part("sleepers"), part("notified"), part("sessions")];
}
