import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { AnnouncedOptions, HostRecord, Isolation } from "../../wire/records/records.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { announcedTasks } from "./fleet.ts";

/** A task as the live hosts know it. */
export interface KnownTask {
  name: string;
  isolation: Isolation | null;
  /** Arguments that it has names for; null: any number, or it is not known. */
  takes: number | null;
  options: AnnouncedOptions;
  /** Names of the live hosts that know it. */
  hosts: string[];
  /**
   * What its schema takes, as JSON Schema: of the list of arguments, or of the only one. Null: it has none, or none that can
   * be said so.
   */
  schema: { [keyword: string]: unknown } | null;
}

/** The tasks that live hosts know, by name. */
export async function readKnownTasks(
  client: RedisClient,
  keys: Keys,
  hosts: readonly HostRecord[],
): Promise<KnownTask[]> {
  const tasks = [...announcedTasks(hosts).values()].sort((left, right) => left.name.localeCompare(right.name));
  if (tasks.length === 0) return [];
  const schemas = await client.mget(tasks.map(({ name }) => keys.taskSchema(name))).catch((error) => {
    if (isWrongType(error)) return [];
    throw error;
  });
  return tasks.map(({ name, isolation, takes, options }, index) => ({
    name,
    isolation,
    takes: takes ?? null,
    options: options ?? {},
    hosts: hosts.filter((host) => host.tasks.some((task) => task.name === name)).map((host) => host.name),
    schema: objectIn(schemas[index]),
  }));
}

function objectIn(text: string | null | undefined): { [keyword: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as { [keyword: string]: unknown }) : null;
  } catch {
    return null;
  }
}
