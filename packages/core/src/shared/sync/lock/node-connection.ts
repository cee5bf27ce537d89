import { RedisUnfitError } from "../../../errors/index.ts";
import {
  closeRedis,
  describeRedis,
  openRedis,
  type RedisClient,
  type RedisConfig,
  type RoundTrip,
  roundTripOf,
  unreferenceSocket,
} from "../../../redis/connection/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { withdrawVote } from "./node-scripts.ts";

/** Least wait for the first connection to a node, ms; later ones are made in the background. */
const FIRST_CONNECTION: Milliseconds = 2_000;
/** Round trips that it may take: handshake, sign-in, state of the server. */
const CONNECTION_ROUNDS = 8;
/** Without any answer for so long, a connection is taken for broken and made anew, ms. */
const LONGEST_SILENCE: Milliseconds = 3_000;
/** Round trips after which an answer of a far node is late. */
const LATE_ROUNDS = 3;
/** How long a vote that could not be withdrawn is remembered, ms; tokens are never used again, so late does no harm. */
const LONGEST_MEMORY: Milliseconds = 120_000;

/**
 * The connection to one of several independent masters that vote on locks.
 *
 * Duties: 1. an answer that is late, for a node so far away, is none: a dead, frozen or slow node delays no vote (F11);
 * 2. nothing is sent twice, and nothing is kept for a node that is away; 3. a vote that could not be withdrawn is withdrawn
 * as soon as the node answers again (F10).
 */
export class NodeConnection {
  readonly #where: string;
  readonly #client: RedisClient;
  readonly #roundTrip: RoundTrip;
  readonly #pending = new Set<Promise<unknown>>();
  /** Votes to withdraw, by token. */
  readonly #leftBehind = new Map<string, { key: string; until: number }>();
  #opening: Promise<void> | undefined;
  #lastAnswer: number = performance.now();

  /** @param distance - Round trip of the main Redis: the best guess before this node has answered. */
  constructor(config: RedisConfig, name: string, distance: RoundTrip) {
    this.#where = describeRedis(config);
    this.#client = openRedis(config, { name, failFast: true, impatient: true });
    this.#roundTrip = roundTripOf(this.#client);
    unreferenceSocket(this.#client);
    this.#opening = this.#firstConnection(distance.patience(FIRST_CONNECTION, CONNECTION_ROUNDS)).then(() => {
      this.#opening = undefined;
    });
    this.#client.on("ready", () => this.#heard());
  }

  /** @throws RedisUnfitError when the node is not connected or has not answered within `limit` ms, or what its distance takes */
  ask<Reply>(limit: Milliseconds, send: (client: RedisClient) => Promise<Reply>): Promise<Reply> {
    const asked = this.#opening ? this.#opening.then(() => this.#ask(limit, send)) : this.#ask(limit, send);
    this.#pending.add(asked);
    const settled = (): void => void this.#pending.delete(asked);
    asked.then(settled, settled);
    return asked;
  }

  /** Takes a vote back, later if the node is away now. */
  async withdraw(limit: Milliseconds, key: string, token: string): Promise<"withdrawn" | "not held"> {
    try {
      return await this.ask(limit, (client) => withdrawVote.run(client, [key], [token]));
    } catch (error) {
      this.#remember(key, token);
      throw error;
    }
  }

  /** Lets what is under way end first. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await closeRedis(this.#client);
  }

  async #ask<Reply>(limit: Milliseconds, send: (client: RedisClient) => Promise<Reply>): Promise<Reply> {
    if (this.#client.status !== "ready") throw new RedisUnfitError(`the lock node ${this.#where} is not connected`);
    const answer = await this.#inTime(this.#roundTrip.patience(limit, LATE_ROUNDS), send(this.#client));
    this.#heard();
    return answer;
  }

  #inTime<Reply>(limit: Milliseconds, answer: Promise<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#noteSilence();
        reject(new RedisUnfitError(`the lock node ${this.#where} has not answered within ${Math.round(limit)} ms`));
      };
      // An answer that has arrived while this process was busy counts.
      const timer = setTimeout(() => setImmediate(giveUp), limit).unref();
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      answer.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  #noteSilence(): void {
    if (performance.now() - this.#lastAnswer < LONGEST_SILENCE) return;
    this.#lastAnswer = performance.now();
    this.#client.disconnect(true);
  }

  #heard(): void {
    this.#lastAnswer = performance.now();
    if (this.#leftBehind.size === 0) return;
    const votes = [...this.#leftBehind];
    this.#leftBehind.clear();
    for (const [token, { key, until }] of votes) {
      if (until < performance.now()) continue;
      withdrawVote.run(this.#client, [key], [token]).catch(() => this.#leftBehind.set(token, { key, until }));
    }
  }

  #remember(key: string, token: string): void {
    const now = performance.now();
    for (const [known, { until }] of this.#leftBehind) if (until < now) this.#leftBehind.delete(known);
    this.#leftBehind.set(token, { key, until: now + LONGEST_MEMORY });
  }

  #firstConnection(limit: Milliseconds): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit).unref();
      for (const event of ["ready", "close"]) {
        this.#client.once(event, () => {
          clearTimeout(timer);
          resolve();
        });
      }
    });
  }
}
