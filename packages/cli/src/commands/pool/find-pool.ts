import { assertPoolName, type PoolView } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";

/** @throws NotFoundError naming the pools that exist */
export async function findPool({ inspector }: Pick<Connection, "inspector">, name: string): Promise<PoolView> {
  const pool = await inspector.pools.get(name);
  if (pool) return pool;
  throw await noSuchPool({ inspector }, name);
}

/**
 * The error for a pool that is not there, with those that are.
 * @throws ValueError for a name that no pool can have
 */
export async function noSuchPool({ inspector }: Pick<Connection, "inspector">, name: string): Promise<NotFoundError> {
  assertPoolName(name);
  const names = (await inspector.pools.list()).map((pool) => pool.name);
  const known = names.length === 0 ? "there are no pools yet" : `pools: ${names.slice(0, 10).join(", ")}`;
  return new NotFoundError(`no pool "${name}" (${known}); make one with: manyhands pool create ${name}`);
}
