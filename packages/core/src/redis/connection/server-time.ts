import type { RedisClient } from "./open.ts";

/** The time of the server, ms since the epoch: the one clock that all programs and hosts share. */
export async function serverTime(client: RedisClient): Promise<number> {
  const [seconds = 0, micros = 0] = (await client.time()).map(Number);
  return seconds * 1_000 + Math.floor(micros / 1_000);
}
