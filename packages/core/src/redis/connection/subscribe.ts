import type { RedisClient } from "./open.ts";

/**
 * Listens to channels for as long as the connection is open; it must be of its own and opened with `subscribing`.
 *
 * The client subscribes again after a reconnect, but does not catch what fails when it is closed meanwhile, which would
 * end the process; so that is done here.
 *
 * @param on.message - Called with the bytes of each message.
 * @param on.gap - Called after each reconnect: what was said meanwhile is lost.
 * @returns resolves when messages are heard
 */
export async function subscribeTo(
  subscriber: RedisClient,
  channels: readonly string[],
  on: { message: (bytes: Buffer) => void; gap: () => void },
): Promise<void> {
  subscriber.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => on.message(bytes));
  await subscriber.subscribe(...channels);
  subscriber.on("ready", () => {
    subscriber.subscribe(...channels).then(on.gap, () => {});
  });
}
