export { HeldLock, type LockTicket } from "./held-lock.ts";
export { createLock, Lock, type LockOptions, type LockState, readLock } from "./lock.ts";
export { LOCK_KIND } from "./lock-scripts.ts";
