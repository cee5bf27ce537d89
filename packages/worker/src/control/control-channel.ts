import type { Logger } from "@manyhands/core";
import type { ControlMessage, Keys, RedisClient } from "@manyhands/core/internal";

export interface ControlChannelOptions {
  /** A connection of its own: it only listens. */
  subscriber: RedisClient;
  keys: Keys;
  hostId: string;
  onMessage: (message: ControlMessage) => void;
  /** Messages may have been missed: after a reconnect. */
  onGap: () => void;
  logger: Logger;
}

/** Hears what is said to all hosts and to this one. Everything heard is a hint; what is missed is read elsewhere. */
export class ControlChannel {
  readonly #options: ControlChannelOptions;
  #isSubscribed = false;

  constructor(options: ControlChannelOptions) {
    this.#options = options;
  }

  /** Resolves when messages are heard. */
  async start(): Promise<void> {
    const { subscriber, keys, hostId, onGap } = this.#options;
    subscriber.on("message", (_channel: string, text: string) => this.#hear(text));
    // The connection subscribes again by itself; what was said meanwhile is lost.
    subscriber.on("ready", () => {
      if (this.#isSubscribed) onGap();
    });
    await subscriber.subscribe(keys.control, keys.hostControl(hostId));
    this.#isSubscribed = true;
  }

  #hear(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return this.#options.logger.warn(`a control message is not JSON: ${text.slice(0, 200)}`);
    }
    if (typeof message === "object" && message !== null && "type" in message) {
      this.#options.onMessage(message as ControlMessage);
    }
  }
}
