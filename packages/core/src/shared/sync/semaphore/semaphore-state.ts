import type { Milliseconds } from "../../../time/index.ts";
import { type ObjectRuntime, type Participant, readParticipants } from "../../object/index.ts";

/** A semaphore as it is at the moment. */
export interface SemaphoreState {
  name: string;
  /** Free permits. */
  value: number;
  /** What its maker gave it. */
  initial: number;
  bounded: boolean;
  /** Leased permits; anonymous ones have no holder. `leaseLeft`: ms until its program must have renewed its lease. */
  holders: (Participant & { permits: number; since: number; leaseLeft: Milliseconds })[];
  /** First comes first. */
  waiters: (Participant & { permits: number })[];
}

/** Reads the state of the semaphore of that name; null when there is none. */
export async function readSemaphore(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<SemaphoreState | null> {
  const { client, keys } = context;
  const [state, holders, waiters, requests] = await Promise.all([
    client.hgetall(keys.object("semaphore", name)),
    client.hgetall(keys.object("semaphore", name, "holders")),
    client.lrange(keys.object("semaphore", name, "waiters"), 0, -1),
    client.hgetall(keys.object("semaphore", name, "requests")),
  ]);
  if (state["madeAt"] === undefined) return null;
  const held = Object.entries(holders).map(([holding, text]) => toHeld(holding, text));
  const [holding, waiting, leases] = await Promise.all([
    readParticipants(context, held),
    readParticipants(context, waiters),
    Promise.all(held.map(({ session }) => client.pttl(keys.session(session)))),
  ]);
  return {
    name,
    value: Number(state["value"]),
    initial: Number(state["initial"]),
    bounded: state["variant"] === "bounded",
    holders: holding.map((participant, index) => ({
      ...participant,
      permits: held[index]?.permits ?? 0,
      since: held[index]?.since ?? 0,
      leaseLeft: Math.max(0, leases[index] ?? 0),
    })),
    waiters: waiting.map((participant, index) => ({
      ...participant,
      permits: Number(requests[waiters[index] ?? ""] ?? 1),
    })),
  };
}

/** A holder as it is stored: "<session>|<id>" -> "<permits>|<since, ms>|<label>". */
function toHeld(holding: string, text: string): { session: string; label: string; permits: number; since: number } {
  const [session = ""] = holding.split("|");
  const [permits, since, ...label] = text.split("|");
  return { session, label: label.join("|"), permits: Number(permits), since: Number(since) };
}
