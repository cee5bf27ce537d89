export { HeldRLock } from "./held-rlock.ts";
export { withOwner } from "./owner.ts";
export { createRLock, RLock } from "./rlock.ts";
export { RLOCK_KIND } from "./rlock-kind.ts";
