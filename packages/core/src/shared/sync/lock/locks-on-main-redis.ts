import type { ObjectRuntime } from "../../object/index.ts";

/**
 * Whether the votes are keys of the context's own Redis, where one script can change a lock and another object together.
 */
export function locksOnMainRedis(runtime: ObjectRuntime): boolean {
  return runtime.lockNodes.length === 0;
}
