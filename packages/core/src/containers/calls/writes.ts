import type { ObjectRuntime } from "../../objects/index.ts";
import { Operations } from "../../session/index.ts";

const writes = new WeakMap<ObjectRuntime, Operations>();

/**
 * Numbers what a process writes to containers. It must act once also when it is sent again after the session has ended,
 * while this process was cut off: what it changed does not end with the session.
 */
export function writesOf(runtime: ObjectRuntime): Operations {
  const known = writes.get(runtime) ?? new Operations(runtime.keys.sessionWrites(runtime.session.id));
  writes.set(runtime, known);
  return known;
}
