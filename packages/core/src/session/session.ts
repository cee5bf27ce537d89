import { hostname } from "node:os";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../protocol/keys.ts";
import type { Milliseconds, SessionRecord } from "../protocol/records.ts";

/** How long a client that stopped beating keeps what it owns, ms. */
export const DEFAULT_LEASE: Milliseconds = 30_000;

/**
 * One participating process.
 *
 * Duties: 1. one key with a lease, renewed at a third of it, whatever the number of pools and waits; 2. its absence
 * tells hosts that the maker of unnamed pools is gone; 3. its timer never keeps a program alive.
 */
export class Session {
  readonly id: string;
  readonly #client: RedisClient;
  readonly #key: string;
  readonly #lease: Milliseconds;
  readonly #record: SessionRecord;
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;

  constructor(options: { id: string; client: RedisClient; keys: Keys; lease: Milliseconds }) {
    this.id = options.id;
    this.#client = options.client;
    this.#key = options.keys.session(options.id);
    this.#lease = options.lease;
    this.#record = { id: options.id, hostname: hostname(), pid: process.pid, startedAt: Date.now() };
  }

  /** Writes the lease for the first time; later calls return the same promise. */
  start(): Promise<void> {
    this.#started ??= this.#beat().then(() => {
      this.#timer = setInterval(() => void this.#beat().catch(() => {}), this.#lease / 3);
      this.#timer.unref();
    });
    return this.#started;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#started && this.#client.status === "ready") await this.#client.unlink(this.#key).catch(() => {});
  }

  async #beat(): Promise<void> {
    await this.#client.set(this.#key, JSON.stringify(this.#record), "PX", this.#lease);
  }
}
