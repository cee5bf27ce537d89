import { hostname } from "node:os";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../protocol/keys.ts";
import type { Milliseconds, SessionRecord } from "../protocol/records.ts";

/** How long a client that stopped beating keeps what it owns, ms. */
export const DEFAULT_LEASE: Milliseconds = 30_000;

/**
 * One participating process.
 *
 * Duties: 1. one key with a lease, renewed at a third of it and after each reconnect, whatever the number of pools and
 * waits; 2. its absence tells hosts that the maker of unnamed pools is gone; 3. if it was gone although this process
 * lives (Redis lost its data, or the process was frozen for longer than its lease), those who own something in Redis
 * are told to write it again; 4. its timer never keeps a program alive.
 */
export class Session {
  readonly id: string;
  readonly #client: RedisClient;
  readonly #key: string;
  readonly #lease: Milliseconds;
  readonly #record: SessionRecord;
  readonly #onLost = new Set<() => void>();
  readonly #beatAgain: () => void;
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;
  #stopped = false;

  constructor(options: { id: string; client: RedisClient; keys: Keys; lease: Milliseconds }) {
    this.id = options.id;
    this.#client = options.client;
    this.#key = options.keys.session(options.id);
    this.#lease = options.lease;
    this.#record = { id: options.id, hostname: hostname(), pid: process.pid, startedAt: Date.now() };
    this.#beatAgain = () => void this.#beat().catch(() => {});
  }

  /** Writes the lease for the first time; later calls return the same promise. After a failure, call it again. */
  start(): Promise<void> {
    this.#started ??= this.#write().then(
      async () => {
        if (this.#stopped) return this.#end();
        this.#timer = setInterval(this.#beatAgain, this.#lease / 3);
        this.#timer.unref();
        this.#client.on("ready", this.#beatAgain);
      },
      (error) => {
        this.#started = undefined;
        throw error;
      },
    );
    return this.#started;
  }

  /** Calls `listener` whenever the session had ended in Redis, once it is there again. @returns ends that */
  whenLost(listener: () => void): () => void {
    this.#onLost.add(listener);
    return () => void this.#onLost.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#client.off("ready", this.#beatAgain);
    if (this.#started && this.#client.status === "ready") await this.#end();
  }

  async #end(): Promise<void> {
    await this.#client.unlink(this.#key).catch(() => {});
  }

  async #beat(): Promise<void> {
    if ((await this.#write()) === null) for (const listener of this.#onLost) listener();
  }

  /** @returns what was there before, null if nothing was */
  #write(): Promise<string | null> {
    return this.#client.set(this.#key, JSON.stringify(this.#record), "PX", this.#lease, "GET");
  }
}
