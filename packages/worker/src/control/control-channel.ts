import type { Logger } from "@manyhands/core";
import {
  type ControlMessage,
  type Keys,
  RareWarnings,
  type RedisClient,
  readControlMessage,
  subscribeTo,
} from "@manyhands/core/internal";

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

/** Receives the messages for all hosts and for this one. A message is a hint; what is missed is read elsewhere. */
export class ControlChannel {
  readonly #options: ControlChannelOptions;
  readonly #warnings: RareWarnings;

  constructor(options: ControlChannelOptions) {
    this.#options = options;
    this.#warnings = new RareWarnings(options.logger);
  }

  /** Resolves when messages are received. */
  async start(): Promise<void> {
    const { subscriber, keys, hostId, onGap } = this.#options;
    await subscribeTo(subscriber, [keys.control, keys.hostControl(hostId)], {
      message: (bytes) => this.#receive(bytes.toString()),
      gap: onGap,
    });
  }

  /** Never throws: every client of this Redis can publish anything here. */
  #receive(text: string): void {
    const message = readControlMessage(text);
    if ("fault" in message) return this.#ignore(text, message.fault);
    try {
      this.#options.onMessage(message);
    } catch (error) {
      this.#ignore(text, (error as Error).message);
    }
  }

  #ignore(text: string, fault: string): void {
    this.#warnings.warn(fault, `a control message is ignored: ${fault}; got ${JSON.stringify(text.slice(0, 200))}`);
  }
}
