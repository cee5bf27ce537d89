import type { ControlMessage, ProcessEnding } from "./records.ts";

/** Longest reason that is taken from a message, characters. */
const LONGEST_REASON = 1_000;

/** Most tasks that one host runs at once. */
export const MOST_SLOTS = 10_000;

/** True for a number of slots that a host can have. */
export function isSlots(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MOST_SLOTS;
}

const PROCESS_ENDINGS: ReadonlySet<unknown> = new Set<ProcessEnding>(["interrupt", "terminate", "kill"]);

/** True for the name of a way to end a process; what comes over the wire may be any text. */
export function isProcessEnding(value: unknown): value is ProcessEnding {
  return PROCESS_ENDINGS.has(value);
}

/**
 * Reads a message of a control channel. Every client of this Redis can publish one, so each field is checked.
 * @returns the message, or what is wrong with it
 */
export function readControlMessage(text: string): ControlMessage | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: "it is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { fault: "it is not an object" };
  const { type, pool, jobId, unit, reason, run, client, id, how, grace, slots } = value as {
    [Field in Fields]?: unknown;
  };
  switch (type) {
    case "pools-changed":
      return isName(pool) ? { type, pool } : { fault: "it names no pool" };
    case "schedules-changed":
      return { type };
    case "cancel":
      if (!isName(pool) || !isName(jobId)) return { fault: "it names no task" };
      if (unit !== null && !isCount(unit)) return { fault: "its unit is not a whole number" };
      if (typeof reason !== "string") return { fault: "it gives no reason" };
      if (run !== undefined && typeof run !== "string") return { fault: "its run is no text" };
      return {
        type,
        pool,
        jobId,
        unit,
        reason: reason.slice(0, LONGEST_REASON),
        ...(run === undefined ? {} : { run }),
      };
    case "watch":
      if (!isName(pool) || !isName(jobId)) return { fault: "it names no task" };
      return isClient(client) ? { type, pool, jobId, client } : { fault: "it names no client" };
    case "end-process":
      if (!isName(id)) return { fault: "it names no process" };
      return isProcessEnding(how) ? { type, id, how } : { fault: "it names no way to end a process" };
    case "drain":
      if (grace !== null && !(typeof grace === "number" && grace >= 0)) {
        return { fault: "its grace is not a number of milliseconds" };
      }
      return { type, grace };
    case "quiet":
    case "resume":
      return { type };
    case "resize":
      return isSlots(slots) ? { type, slots } : { fault: `its slots are not a whole number from 1 to ${MOST_SLOTS}` };
    default:
      return { fault: "its type is unknown here; the sender may run a newer version" };
  }
}

type Fields = "type" | "pool" | "jobId" | "unit" | "reason" | "run" | "client" | "id" | "how" | "grace" | "slots";

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** An id of a client has no space, because ids are stored with spaces between. */
function isClient(value: unknown): value is string {
  return isName(value) && value.length <= 100 && !/\s/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
