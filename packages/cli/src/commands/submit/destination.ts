import { TaskNotFoundError } from "@manyhands/core";
import {
  DEFAULT_MAX_PAYLOAD,
  DEFAULT_POOL,
  type HostRecord,
  nearNames,
  type PoolView,
  plural,
} from "@manyhands/core/internal";
import { Option } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { toJson } from "../../output/json-text.ts";
import { shorten } from "../../output/printer.ts";
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
 * A name like one that the running hosts know is a typing error more often than a task whose host is to come. Any other waits
 * for its host.
 * @throws TaskNotFoundError with the names that look like it, unless `waitForHost` says that it is meant
 */
export function assertTaskKnown(task: string, hosts: readonly HostRecord[], waitForHost = false): void {
  const known = [...new Set(hosts.flatMap((host) => host.tasks.map((one) => one.name)))].sort();
  if (waitForHost || known.includes(task)) return;
  const near = nearNames(task, known);
  if (near.length === 0) return;
  throw new TaskNotFoundError(
    `no live host knows a task "${task}"; did you mean ${near.join(", ")}? Or start a host with: ` +
      "manyhands worker --tasks <module that defines it>; or submit it all the same with --wait-for-host",
  );
}

/**
 * A function ignores arguments that it has no names for, so that they are a mistake of the caller.
 * @throws UsageError where no live host would use all of them
 */
export function assertArgumentsUsed(task: string, args: readonly unknown[], hosts: readonly HostRecord[]): void {
  const known = hosts.flatMap((host) => host.tasks.filter((one) => one.name === task));
  const takes = Math.max(...known.map((one) => one.takes ?? Number.POSITIVE_INFINITY));
  if (known.length === 0 || args.length <= takes) return;
  const most = takes === 0 ? "no argument" : plural(takes, "argument");
  const many = takes === 1 ? `; for one call with each of them, send them as lines to: manyhands map ${task}` : "";
  throw new UsageError(
    `task "${task}" takes ${most}; got ${args.length}: ${shorten(args.map((one) => toJson(one)).join(" "), 60)}. ` +
      `Each word is one argument of the same call${many}`,
  );
}

/** `--wait-for-host` of commands that submit. */
export function waitForHostOption(): Option {
  return new Option(
    "--wait-for-host",
    "submit it although no live host knows the task, and its name is like a known one",
  );
}
