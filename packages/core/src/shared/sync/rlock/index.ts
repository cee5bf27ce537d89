export type { HeldRLock } from "./held-rlock.ts";
export { withOwner } from "./owner.ts";
export { createRLock, RLock, readRLock } from "./rlock.ts";
