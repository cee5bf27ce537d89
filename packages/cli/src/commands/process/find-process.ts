import { type ProcessRecord, ProcessRegistry } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { UsageError } from "../../failure/usage-error.ts";

type Place = Pick<Connection, "client" | "keys">;

/** Processes that are known: those that wait or run, newest first, and with `ended` those that have ended. */
export async function listProcesses({ client, keys }: Place, { ended }: { ended: boolean }): Promise<ProcessRecord[]> {
  const registry = new ProcessRegistry(client, keys);
  const [live, over] = await Promise.all([registry.live(), ended ? registry.ended() : []]);
  return [...live, ...over].sort((left, right) => right.createdAt - left.createdAt);
}

/** The process of that id, or the only live one of that name. @throws NotFoundError; UsageError when several have the name */
export async function findProcess(place: Place, idOrName: string): Promise<ProcessRecord> {
  const byId = await new ProcessRegistry(place.client, place.keys).get(idOrName);
  if (byId) return byId;
  const named = (await listProcesses(place, { ended: false })).filter((process) => process.name === idOrName);
  const [only, second] = named;
  if (only && !second) return only;
  if (second) {
    const ids = named.map((process) => process.id).join(", ");
    throw new UsageError(`several processes have the name "${idOrName}"; name one by its id: ${ids}`);
  }
  throw new NotFoundError(`no process has the id or name "${idOrName}"; see: manyhands process ls --ended`);
}
