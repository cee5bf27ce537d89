import { TaskNotFoundError } from "@manyhands/core";
import { DEFAULT_MAX_PAYLOAD, DEFAULT_POOL, type HostRecord, nearNames, type PoolView } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { findPool } from "../pool/find-pool.ts";

/** Largest argument list, bytes of JSON. */
export const MAX_PAYLOAD: number = DEFAULT_MAX_PAYLOAD;

/**
 * The pool of that name, or null for the default one before its first use.
 * @throws NotFoundError for another one that does not exist
 */
export async function poolFor(connection: Connection, name: string): Promise<PoolView | null> {
  return name === DEFAULT_POOL ? connection.inspector.pools.get(name) : findPool(connection, name);
}

/**
 * A name that none of the running hosts knows is a typing error more often than a host to come.
 * Without any host nothing can be said, and the task may wait for one.
 * @throws TaskNotFoundError with the names that look like it
 */
export function assertTaskKnown(task: string, hosts: readonly HostRecord[]): void {
  const known = [...new Set(hosts.flatMap((host) => host.tasks.map((one) => one.name)))].sort();
  if (hosts.length === 0 || known.includes(task)) return;
  const near = nearNames(task, known);
  const hint = near.length > 0 ? `did you mean ${near.join(", ")}?` : `known: ${listOf(known)}`;
  throw new TaskNotFoundError(
    `no live host knows a task "${task}"; ${hint} Or start a host with: manyhands worker --tasks <module that defines it>`,
  );
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 15).join(", ") || "no tasks at all";
  return names.length > 15 ? `${shown} and ${names.length - 15} more.` : `${shown}.`;
}
