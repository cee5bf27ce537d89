import type { Milliseconds } from "../../../time/index.ts";
import { type ObjectRuntime, type Participant, readParticipants } from "../../object/index.ts";
import type { ReadWriteMode } from "./read-write-lock-scripts.ts";

/** Who holds a read-write lock. `leaseLeft`: ms until its program must have renewed its lease. */
export type ReadWriteHolder = Participant & { since: number; leaseLeft: Milliseconds };

/** A read-write lock as it is at the moment. */
export interface ReadWriteLockState {
  name: string;
  writer: ReadWriteHolder | null;
  readers: ReadWriteHolder[];
  /** Of the present or last writer; null = there was none for an hour. */
  fence: number | null;
  /** First comes first. */
  waiters: (Participant & { mode: ReadWriteMode })[];
}

/** Reads the state of the read-write lock of that name. */
export async function readReadWriteLock(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<ReadWriteLockState> {
  const { client, keys } = context;
  const key = (part?: string): string => keys.object("read-write-lock", name, part);
  const [fence, holders, waiters, requests] = await Promise.all([
    client.hget(key(), "fence"),
    client.hgetall(key("holders")),
    client.lrange(key("waiters"), 0, -1),
    client.hgetall(key("requests")),
  ]);
  const held = Object.entries(holders).map(([holding, text]) => toHeld(holding, text));
  const [holding, waiting, leases] = await Promise.all([
    readParticipants(context, held),
    readParticipants(context, waiters),
    Promise.all(held.map(({ session }) => client.pttl(keys.session(session)))),
  ]);
  const of = (mode: ReadWriteMode): ReadWriteHolder[] =>
    holding.flatMap((participant, index) => {
      const one = held[index];
      if (one?.mode !== mode) return [];
      return [{ ...participant, since: one.since, leaseLeft: Math.max(0, leases[index] ?? 0) }];
    });
  return {
    name,
    writer: of("write")[0] ?? null,
    readers: of("read"),
    fence: fence === null ? null : Number(fence),
    waiters: waiting.map((participant, index) => ({
      ...participant,
      mode: requests[waiters[index] ?? ""] === "write" ? "write" : "read",
    })),
  };
}

/** A holder as it is stored: "<session>|<id>" -> "<mode>|<since, ms>|<fence>|<label>". */
function toHeld(holding: string, text: string): { session: string; label: string; mode: string; since: number } {
  const [session = ""] = holding.split("|");
  const [mode = "", since, , ...label] = text.split("|");
  return { session, label: label.join("|"), mode, since: Number(since) };
}
