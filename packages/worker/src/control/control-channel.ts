import type { Logger } from "@manyhands/core";
import { type ControlMessage, type Keys, type RedisClient, subscribeTo } from "@manyhands/core/internal";

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

  constructor(options: ControlChannelOptions) {
    this.#options = options;
  }

  /** Resolves when messages are heard. */
  async start(): Promise<void> {
    const { subscriber, keys, hostId, onGap } = this.#options;
    await subscribeTo(subscriber, [keys.control, keys.hostControl(hostId)], {
      message: (text) => this.#hear(text),
      gap: onGap,
    });
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
