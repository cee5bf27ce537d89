export { HeldLock, type LockTicket } from "./held-lock.ts";
export { checkLease, createLock, Lock, type LockOptions, type LockState, readLockOfKind } from "./lock.ts";
export { LOCK_KIND, lockFacts } from "./lock-kind.ts";
export { CALL_NEXT, holderOfToken } from "./lock-scripts.ts";
export { locksOnMainRedis } from "./locks-on-main-redis.ts";
export type { SuspendableLock } from "./suspendable-lock.ts";
