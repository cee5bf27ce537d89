export { HeldShare } from "./held-share.ts";
export {
  createReadWriteLock,
  ReadWriteLock,
  type ReadWriteLockOptions,
  ReadWriteLockSide,
} from "./read-write-lock.ts";
export { READ_WRITE_LOCK_KIND } from "./read-write-lock-kind.ts";
export type { ReadWriteLockState } from "./read-write-lock-state.ts";
