export type { HeldShare } from "./held-share.ts";
export {
  createReadWriteLock,
  openReadWriteLock,
  type ReadWriteLock,
  type ReadWriteLockOptions,
  type ReadWriteLockSettings,
  ReadWriteLockSide,
} from "./read-write-lock.ts";
export { READ_WRITE_LOCK_KIND } from "./read-write-lock-kind.ts";
export { type ReadWriteLockState, readReadWriteLock } from "./read-write-lock-state.ts";
