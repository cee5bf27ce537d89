export type { Grip } from "./grip.ts";
export { HeldLock, type LockTicket } from "./held-lock.ts";
export { checkLease, createLock, Lock, type LockOptions, type LockState, readLock, readLockOfKind } from "./lock.ts";
export { CALL_NEXT, holderOfToken, LOCK_KIND, RLOCK_KIND } from "./lock-scripts.ts";
export { locksAreHere } from "./locks-are-here.ts";
