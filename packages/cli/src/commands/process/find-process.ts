import type { ProcessRecord } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";

/** The process of that id, or the only live one of that name. @throws NotFoundError; ValueError when several have the name */
export async function findProcess(
  { inspector }: Pick<Connection, "inspector">,
  idOrName: string,
): Promise<ProcessRecord> {
  const process = await inspector.processes.get(idOrName);
  if (process) return process;
  throw new NotFoundError(`no process has the id or name "${idOrName}"; see: manyhands process ls --ended`);
}
