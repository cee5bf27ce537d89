import { got, ValueError } from "../errors/index.ts";
import type { BullQueues } from "../redis/bull-queue/index.ts";
import type { RedisClient } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import type { HostRecord } from "../wire/records/records.ts";
import { readHosts } from "../work/fleet/index.ts";

/** Where an inspector looks. */
export interface InspectorPlace {
  client: RedisClient;
  keys: Keys;
  queues: BullQueues;
  /** Texts are not looked for in arguments: who asks may not see all of them. */
  hidesArguments?: boolean | undefined;
  /** Runs every request: a context is open then, and keeps the program alive until it is answered. */
  during: <Answer>(request: () => Promise<Answer>) => Promise<Answer>;
}

/** Live hosts, by name. */
export async function liveHosts({ client, keys }: InspectorPlace): Promise<HostRecord[]> {
  return (await readHosts(client, keys)).records;
}

/** @throws ValueError for what is no text, or an empty one */
export function assertText(what: string, value: unknown): asserts value is string {
  if (typeof value === "string" && value !== "") return;
  throw new ValueError(`${what} must be a text; got ${got(value)}`);
}
