import { RedisUnfitError, TimeoutError } from "@manyhands/core";
import { type Milliseconds, type RedisClient, within } from "@manyhands/core/internal";

/** Longest wait for an answer, so that a page says that Redis hangs instead of hanging with it. */
export const REDIS_DEADLINE: Milliseconds = 2_000;

/**
 * Runs `ask` against Redis and always settles: at once when there is no connection, and after `deadline` ms when Redis
 * accepted the commands but does not answer.
 *
 * @throws RedisUnfitError without a connection
 * @throws TimeoutError without an answer
 */
export async function askRedis<Answer>(
  client: RedisClient,
  ask: () => Promise<Answer>,
  deadline: Milliseconds = REDIS_DEADLINE,
): Promise<Answer> {
  assertConnected(client);
  const answer = await within(ask(), deadline, { ref: false });
  if (!answer) throw new TimeoutError(`Redis did not answer within ${deadline} ms`);
  return answer.value;
}

/** @throws RedisUnfitError without a connection: commands given now would wait for one */
export function assertConnected(client: RedisClient): void {
  if (client.status !== "ready") throw new RedisUnfitError("Redis cannot be reached; trying again");
}
