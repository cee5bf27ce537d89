import { decode } from "../codec/index.ts";
import { closeRedis, type RedisClient } from "../connection/index.ts";
import { StateLostError } from "../errors/index.ts";
import type { Logger } from "../logger/logger.ts";
import type { ReplyItem } from "../protocol/job.ts";
import type { Keys } from "../protocol/keys.ts";
import type { KeepAlive } from "../session/index.ts";
import { giveAnswers, readOutcomes } from "./read-outcomes.ts";
import type { Ticket } from "./ticket.ts";

/** One blocking read waits this long, ms; the next follows at once. */
const BLOCK = 5_000;
/** How often pending jobs are compared with Redis, ms. */
const RECONCILE_INTERVAL = 2_000;
/** Jobs compared in one round trip. */
const RECONCILE_BATCH = 500;
/** Entries read between two trims of the stream. */
const TRIM_AFTER = 64;

export interface ResultChannelOptions {
  /** For commands that answer at once. */
  client: RedisClient;
  /** Opens the one connection that blocks. */
  openBlocking: () => RedisClient;
  keys: Keys;
  clientId: string;
  keepAlive: KeepAlive;
  logger: Logger;
}

/**
 * Brings answers home to one client process. Nothing is lost on the way, by three layers:
 *
 * 1. Hosts append answers to this client's own stream before they finish the job. A stream is read by position, so a
 *    connection that breaks in the middle of a read reads the same entries again.
 * 2. The job keeps its outcome. Every two seconds the pending jobs are compared with Redis, and what is finished there
 *    is settled here.
 * 3. A job that Redis does not know twice in a row, with its stream read to the end in between, is lost: its
 *    callers get StateLostError instead of waiting for ever.
 *
 * Answers that come twice (a job that ran again after its host died) are ignored by the ticket.
 */
export class ResultChannel {
  readonly #options: ResultChannelOptions;
  readonly #stream: string;
  readonly #tickets = new Map<string, Ticket>();
  #blocking: RedisClient | undefined;
  #reading = false;
  #closed = false;
  #position = "0-0";
  #readSinceTrim = 0;
  #timer: NodeJS.Timeout | undefined;
  #reconcileFrom = 0;

  constructor(options: ResultChannelOptions) {
    this.#options = options;
    this.#stream = options.keys.replies(options.clientId);
  }

  /** Number of jobs without a complete answer. */
  get pending(): number {
    return this.#tickets.size;
  }

  /** True while a job of that task in that pool has no complete answer. */
  isPending(pool: string, task: string): boolean {
    for (const ticket of this.#tickets.values()) if (ticket.pool === pool && ticket.task === task) return true;
    return false;
  }

  /** Registers a job. Call it before the job is submitted, so that no answer can come too early. */
  expect(ticket: Ticket): void {
    this.#tickets.set(ticket.jobId, ticket);
    if (this.#tickets.size === 1) {
      this.#options.keepAlive.hold();
      this.#timer = setInterval(() => void this.#reconcile(), RECONCILE_INTERVAL);
    }
    if (this.#reading) return;
    this.#reading = true;
    // The submission goes out first: whoever waits for one answer after another feels each write that is ahead of it.
    setImmediate(() => void this.#read());
  }

  /** Forgets a ticket that has been settled by other means. */
  settle(ticket: Ticket): void {
    if (!this.#tickets.delete(ticket.jobId)) return;
    if (this.#tickets.size > 0) return;
    clearInterval(this.#timer);
    this.#options.keepAlive.release();
  }

  /** Compares one ticket with Redis now, for jobs whose answers may go to another client. */
  async check(ticket: Ticket): Promise<void> {
    await readOutcomes(this.#options.client, this.#options.keys, [ticket]);
    if (ticket.settled) this.settle(ticket);
  }

  /** Stops reading; pending tickets fail with the error. */
  async close(error: Error): Promise<void> {
    this.#closed = true;
    for (const ticket of [...this.#tickets.values()]) {
      ticket.fail(error);
      this.settle(ticket);
    }
    this.#blocking?.disconnect();
    if (this.#position !== "0-0" && this.#options.client.status === "ready") {
      await this.#options.client.unlink(this.#stream).catch(() => {});
    }
    if (this.#blocking) await closeRedis(this.#blocking, 0);
  }

  async #read(): Promise<void> {
    this.#blocking ??= this.#options.openBlocking();
    while (this.#tickets.size > 0 && !this.#closed) {
      try {
        const reply = (await this.#blocking.xreadBuffer(
          "COUNT",
          1_000,
          "BLOCK",
          BLOCK,
          "STREAMS",
          this.#stream,
          this.#position,
        )) as unknown as [Buffer, [Buffer, Buffer[]][]][] | null;
        for (const [, entries] of reply ?? []) for (const [id, fields] of entries) this.#take(id.toString(), fields);
        this.#trim();
        // What the callers submit next goes out before the next read does.
        await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        if (this.#closed) break;
        this.#options.logger.warn(`reading answers failed, trying again: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    this.#reading = false;
  }

  #take(id: string, fields: Buffer[]): void {
    this.#position = id;
    this.#readSinceTrim += 1;
    const bytes = fields[1];
    if (!bytes) return;
    for (const [jobId, answers] of decode(bytes) as ReplyItem[]) {
      const ticket = this.#tickets.get(jobId);
      if (!ticket) continue;
      giveAnswers(ticket, answers);
      if (ticket.settled) this.settle(ticket);
    }
  }

  #trim(): void {
    if (this.#readSinceTrim < TRIM_AFTER) return;
    this.#readSinceTrim = 0;
    this.#options.client.xtrim(this.#stream, "MINID", "=", this.#position).catch(() => {});
  }

  async #reconcile(): Promise<void> {
    const old = this.#oldTickets();
    if (old.length === 0 || this.#closed) return;
    const { client, keys, logger } = this.#options;
    if (client.status !== "ready") return;
    try {
      const before = this.#position;
      const missing = await readOutcomes(client, keys, old);
      for (const ticket of old) {
        if (ticket.settled) this.settle(ticket);
        else if (!missing.includes(ticket)) ticket.misses = 0;
      }
      for (const ticket of missing) this.#miss(ticket, before);
    } catch (error) {
      logger.warn(`comparing pending jobs with Redis failed, trying again: ${(error as Error).message}`);
    }
  }

  #oldTickets(): Ticket[] {
    const now = performance.now();
    const old = [...this.#tickets.values()].filter((ticket) => now - ticket.since > RECONCILE_INTERVAL);
    if (old.length <= RECONCILE_BATCH) return old;
    this.#reconcileFrom = (this.#reconcileFrom + RECONCILE_BATCH) % old.length;
    return [...old, ...old].slice(this.#reconcileFrom, this.#reconcileFrom + RECONCILE_BATCH);
  }

  /** An unread answer explains a missing job; so it counts only while the stream stands still. */
  #miss(ticket: Ticket, positionBefore: string): void {
    if (ticket.settled || !ticket.submitted) return;
    ticket.misses = this.#position === positionBefore ? ticket.misses + 1 : 1;
    if (ticket.misses < 3) return;
    ticket.fail(
      new StateLostError(
        `Redis no longer knows job ${ticket.jobId} of task "${ticket.task}": it was removed, or Redis lost its data; submit it again`,
      ),
    );
    this.settle(ticket);
  }
}
