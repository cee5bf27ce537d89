import type { RedisClient } from "../connection/index.ts";
import { type Participant, readParticipants } from "../objects/index.ts";
import type { Keys } from "../protocol/keys.ts";
import { type EventState, type LockState, readEvent, readLock, readRLock } from "../sync/index.ts";
import type { Holding, ObjectReading } from "./object-view.ts";

export interface Place {
  client: RedisClient;
  keys: Keys;
}

/** How objects of one kind are read. */
export interface InspectedKind {
  read(place: Place, name: string): Promise<ObjectReading>;
  /** Parts of its keys, "" for the main one; the object is gone when none of them is there. */
  parts: readonly string[];
}

/** What is known of each kind. A kind that is missing here is listed, but nothing is said of it. */
const KINDS: Readonly<Record<string, InspectedKind>> = {
  lock: { read: async (place, name) => lockReading(await readLock(place, name)), parts: ["", "record", "waiters"] },
  rlock: { read: async (place, name) => lockReading(await readRLock(place, name)), parts: ["", "record", "waiters"] },
  event: { read: async (place, name) => eventReading(await readEvent(place, name)), parts: ["", "waiters"] },
};

export function inspectedKind(kind: string): InspectedKind {
  return KINDS[kind] ?? unknownKind(kind);
}

/** An object of which nothing can be said but that it is there. */
export function unreadable(summary: string): ObjectReading {
  return { ...withoutHolders([]), summary, state: null };
}

function lockReading(state: LockState): ObjectReading {
  const { holder, waiters, count, fence, leaseLeft } = state;
  const times = count > 1 ? ` ${count} times` : "";
  return {
    summary: state.locked ? `held${times}, fence ${fence}` : "free",
    holders: holder ? [{ ...holder, count }] : [],
    waiters,
    waitsFor: "all",
    leaseLeft: state.locked ? leaseLeft : null,
    state,
  };
}

function eventReading(state: EventState): ObjectReading {
  return { ...withoutHolders(state.waiters), summary: state.isSet ? "set" : "not set", state };
}

function unknownKind(kind: string): InspectedKind {
  return {
    parts: [],
    async read({ client, keys }, name) {
      const list = keys.object(kind, name, "waiters");
      const waiters = (await client.type(list)) === "list" ? await client.lrange(list, 0, -1) : [];
      return { ...withoutHolders(await readParticipants({ client, keys }, waiters)), summary: "", state: null };
    },
  };
}

function withoutHolders(waiters: Participant[]): Omit<ObjectReading, "summary" | "state"> {
  const holders: Holding[] = [];
  return { holders, waiters, waitsFor: "unknown", leaseLeft: null };
}
