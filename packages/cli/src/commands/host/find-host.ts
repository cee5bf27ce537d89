import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";

/** The error for a host that is not live, with those that are. */
export async function noSuchHost({ inspector }: Pick<Connection, "inspector">, name: string): Promise<NotFoundError> {
  const names = (await inspector.fleet.list()).map((host) => host.name);
  const live = names.length === 0 ? "no host is running" : `running: ${names.slice(0, 10).join(", ")}`;
  return new NotFoundError(`no live host with the name or id "${name}" (${live}); see: manyhands host ls`);
}
