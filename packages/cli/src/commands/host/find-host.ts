import type { HostRecord } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";

/** The argument of commands that take several hosts. */
export const HOSTS = "names of hosts, or the id of one if several hosts have its name";

/** The error for a host that is not live, with those that are. */
export async function noSuchHost({ inspector }: Pick<Connection, "inspector">, name: string): Promise<NotFoundError> {
  const names = (await inspector.fleet.list()).map((host) => host.name);
  const live = names.length === 0 ? "no host is running" : `running: ${names.slice(0, 10).join(", ")}`;
  return new NotFoundError(`no live host with the name or id "${name}" (${live}); see: manyhands host ls`);
}

/**
 * Changes hosts, once all of them have been found.
 * @returns the hosts as they are after it
 * @throws NotFoundError for the first name that no live host has; then none is changed
 */
export async function changeHosts(
  connection: Pick<Connection, "inspector">,
  names: readonly string[],
  change: (ids: readonly string[]) => Promise<(HostRecord | null)[]>,
): Promise<HostRecord[]> {
  const found = new Map<string, HostRecord>();
  for (const name of names) {
    const host = await connection.inspector.fleet.get(name);
    if (!host) throw await noSuchHost(connection, name);
    found.set(host.id, host);
  }
  const changed = await change([...found.keys()]);
  return [...found.values()].map((before, index) => {
    const after = changed[index];
    if (after) return after;
    throw new NotFoundError(`host "${before.name}" has ended before it could be changed; see: manyhands host ls`);
  });
}
