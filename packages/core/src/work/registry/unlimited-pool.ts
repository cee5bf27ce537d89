import { randomBytes } from "node:crypto";
import type { PoolRecord } from "../../wire/records/records.ts";

/** The pool that takes what names no other. */
export const DEFAULT_POOL = "default";

/**
 * A pool of that name with the defaults of everything: as many at once as there are slots.
 *
 * The default pool has the same generation for all hosts and times: one that is made again, after Redis has lost it,
 * is no other pool, and its jobs go on.
 */
export function unlimitedPool(name: string): Omit<PoolRecord, "createdAt"> {
  return {
    name,
    size: null,
    generation: name === DEFAULT_POOL ? DEFAULT_POOL : randomBytes(8).toString("hex"),
    owner: null,
    state: "running",
    isolation: null,
    initializer: null,
    maxTasksPerChild: null,
    fence: "strict",
    failure: null,
  };
}
