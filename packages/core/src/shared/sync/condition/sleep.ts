import { closedWhileWaiting, LockLostError, StateLostError } from "../../../errors/index.ts";
import { type Patience, toLimit, type Waiter } from "../../../session/waiting/index.ts";
import { within } from "../../../time/index.ts";
import { type ObjectRuntime, ownLabel } from "../../object/index.ts";
import { type Grip, locksAreHere } from "../lock/index.ts";
import { fallAsleep, getUp, notifySleepers, type WaitReply } from "./condition-scripts.ts";

/** A condition as those who sleep in it know it. */
export interface Bed {
  runtime: ObjectRuntime;
  name: string;
  /** Session of the maker of an unnamed condition; "" for a named one. */
  owner: string;
  /** Its lock, "<kind>/<name>". */
  lock: string;
  /** What the caller holds of the lock. */
  grip: Grip;
}

/**
 * Lets go of the lock, sleeps until notified, and takes the lock back, whatever ended the sleep.
 *
 * @returns whether it was notified
 * @throws the signal's reason, with the lock held (C7)
 * @throws LockLostError, StateLostError, ClosedError without the lock: then `held.signal` is aborted as well
 */
export async function sleepUntilNotified(bed: Bed, patience: Patience | undefined): Promise<boolean> {
  const { limit, signal } = toLimit(patience);
  signal?.throwIfAborted();
  const deadline = performance.now() + limit;
  const { room } = bed.runtime;
  room.keepAlive.hold();
  try {
    // Wake-ups must reach this process before it lets go of the lock.
    if (!room.isStarted) await within(room.start(), Number.POSITIVE_INFINITY, { signal });
    const waiter = room.open(ownLabel());
    try {
      return await sleep(bed, { waiter, deadline, signal });
    } finally {
      waiter.close();
    }
  } finally {
    room.keepAlive.release();
  }
}

interface Sleeper {
  waiter: Waiter;
  /** The caller's monotonic clock, ms. */
  deadline: number;
  signal: AbortSignal | undefined;
}

async function sleep(bed: Bed, sleeper: Sleeper): Promise<boolean> {
  const { grip } = bed;
  grip.letGo();
  let notified: boolean;
  try {
    await lieDown(bed, sleeper);
    notified = await isNotified(bed, sleeper);
    await grip.takeBack(sleeper.waiter);
  } catch (error) {
    // The lock does not come back, and nobody will notify somebody who no longer waits.
    leave(bed, sleeper);
    grip.giveUp(error as Error, sleeper.waiter);
    throw error;
  }
  // Notified first and interrupted later, it keeps what it was given.
  if (!notified) sleeper.signal?.throwIfAborted();
  return notified;
}

async function lieDown(bed: Bed, { waiter }: Sleeper): Promise<void> {
  const { runtime, name, owner, lock, grip } = bed;
  const isHere = locksAreHere(runtime);
  const answer = await fallAsleep.run(operations(runtime), keysOf(bed), [
    runtime.keys.prefix,
    name,
    waiter.entry,
    owner,
    lock,
    grip.held.token,
    isHere ? 1 : 0,
  ]);
  if (answer === "maker gone") {
    grip.free().catch(() => {});
    throw new StateLostError(`the program that made the condition "${name}" has ended, and it with it`);
  }
  // Where the lock is elsewhere it is let go of now: nobody could notify without it before.
  const wasHeld = isHere ? answer === "waiting" : await grip.free();
  // Closing gives all locks back.
  if (!wasHeld && runtime.isClosed) throw closedWhileWaiting();
  if (!wasHeld) throw new LockLostError(`the lock of the condition "${name}" was lost before the wait began`);
}

/** Sleeps until notified, or until the time is over or the signal aborts. */
async function isNotified(bed: Bed, { waiter, deadline, signal }: Sleeper): Promise<boolean> {
  let isOver = false;
  while (true) {
    try {
      isOver = !(await waiter.next(deadline - performance.now(), signal));
    } catch (error) {
      if (!signal?.aborted) throw error;
      isOver = true;
    }
    const answer = await rise(bed, waiter, isOver);
    if (answer === "gone") throw new StateLostError(`the condition "${bed.name}" was removed while it was waited for`);
    // Taken for dead it may have missed it: better to look once too often.
    if (answer !== "waiting") return true;
    if (isOver) return false;
  }
}

function rise({ runtime, ...bed }: Bed, waiter: Waiter, inAnyCase: boolean): Promise<WaitReply> {
  return getUp.run(operations(runtime), keysOf({ runtime, ...bed }), [
    runtime.keys.prefix,
    bed.name,
    waiter.entry,
    inAnyCase ? 1 : 0,
  ]);
}

/** Not waited for: Redis may be away. What the sleeper was notified of meanwhile is passed on. */
function leave(bed: Bed, { waiter }: Sleeper): void {
  rise(bed, waiter, true)
    .then((answer) => (answer === "notified" ? passOn(bed) : undefined))
    .catch(() => {});
}

function passOn(bed: Bed): ReturnType<typeof notifySleepers.run> {
  const { runtime, name, lock } = bed;
  return notifySleepers.run(operations(runtime), keysOf(bed), [runtime.keys.prefix, name, 1, lock, ""]);
}

/** The client and the numbering of operations, for scripts that act once. */
export function operations({ client, session }: ObjectRuntime): Pick<ObjectRuntime, "client"> & {
  operations: ObjectRuntime["session"]["operations"];
} {
  return { client, operations: session.operations };
}

/** KEYS of the condition's scripts. */
export function keysOf({ runtime: { keys }, name }: Pick<Bed, "runtime" | "name">): string[] {
  const part = (what: string): string => keys.object("condition", name, what);
  return [keys.object("condition", name), part("sleepers"), part("notified"), part("sessions")];
}
