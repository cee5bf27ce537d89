import { got, ValueError } from "../../errors/index.ts";
import { PROCESSES } from "./process-queues.ts";

const PATTERN = /^[A-Za-z0-9_.-]{1,100}$/;
/** Queues of processes and names that look like one of them. */
const RESERVED = new RegExp(`^${PROCESSES}([.-]|$)`);

/**
 * The one rule for the name of a pool, wherever one is given.
 * @throws ValueError for a name that BullMQ or a key could not hold, and for the name of a queue of processes
 */
export function assertPoolName(name: unknown): asserts name is string {
  if (typeof name !== "string" || !PATTERN.test(name)) {
    throw new ValueError(`a pool's name is 1 to 100 letters, digits or _ . - ; got ${got(name)}`);
  }
  if (isReservedPoolName(name)) {
    throw new ValueError(
      `"${PROCESSES}" and what begins with it and a dot or dash are queues of processes, so no pool can have the name ${got(name)}; choose another name`,
    );
  }
}

/** Whether a pool can have the name. */
export function isPoolName(name: string): boolean {
  return PATTERN.test(name) && !isReservedPoolName(name);
}

/** True for a name that belongs to the queues of processes: a record of that name is not a pool. */
export function isReservedPoolName(name: string): boolean {
  return RESERVED.test(name);
}
