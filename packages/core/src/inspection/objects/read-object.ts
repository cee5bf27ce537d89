import { findKind } from "../../shared/kinds.ts";
import { type ObjectReader, type ObjectReading, readParticipants, withoutHolders } from "../../shared/object/index.ts";

/** Reads an object; null when it is not there. @throws what Redis or a damaged key causes */
export function readObject(reader: ObjectReader, place: { kind: string; name: string }): Promise<ObjectReading | null> {
  const row = findKind(place.kind);
  return row ? row.read(reader, place.name) : readUnknown(reader, place);
}

/** An object of which nothing can be said but that it is there. */
export function unreadable(summary: string): ObjectReading {
  return withoutHolders([], { summary, state: null });
}

/** An object that a newer version has made: who waits, if it keeps that as most kinds do. */
async function readUnknown(
  reader: ObjectReader,
  { kind, name }: { kind: string; name: string },
): Promise<ObjectReading> {
  const { client, keys } = reader;
  const list = keys.object(kind, name, "waiters");
  const waiters = (await client.type(list)) === "list" ? await client.lrange(list, 0, -1) : [];
  return withoutHolders(await readParticipants(reader, waiters), { summary: "", state: null });
}
