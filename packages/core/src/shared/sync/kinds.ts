import type { ObjectKind } from "../../session/index.ts";
import { BARRIER_KIND } from "./barrier/index.ts";
import { CONDITION_KIND } from "./condition/index.ts";
import { LATCH_KIND } from "./count-down-latch/index.ts";
import { EVENT_KIND } from "./event/index.ts";
import { LOCK_KIND, RLOCK_KIND } from "./lock/index.ts";
import { READ_WRITE_LOCK_KIND } from "./read-write-lock/index.ts";
import { SEMAPHORE_KIND } from "./semaphore/index.ts";

/** Every kind of shared object, for the reaper. */
export const SYNC_KINDS: readonly ObjectKind[] = [
  BARRIER_KIND,
  EVENT_KIND,
  LOCK_KIND,
  RLOCK_KIND,
  CONDITION_KIND,
  LATCH_KIND,
  READ_WRITE_LOCK_KIND,
  SEMAPHORE_KIND,
];
