import { StateLostError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { RareWarnings } from "../../package/index.ts";
import type { KeepAlive } from "../../redis/connection/index.ts";
import { closeRedis, type RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Duty, type Milliseconds, pause } from "../../time/index.ts";
import { decode } from "../../wire/codec/index.ts";
import type { ReplyItem } from "../../wire/records/job.ts";
import { giveAnswers, lookAtJob, readOutcomes, unreadable } from "./read-outcomes.ts";
import type { Ticket } from "./ticket.ts";
import { bringJobBack } from "./unlisted-jobs.ts";

/** One blocking read waits this long, ms; the next follows at once. */
const BLOCK = 5_000;
/** A blocking read that is so many ms late has lost its connection. */
const SILENCE = 5_000;
/** Jobs compared in each interval while all is well: a thousand waits must not keep Redis busy. */
const RECONCILE_SAMPLE = 20;
/** Jobs compared in one round trip when something is. */
const RECONCILE_BATCH = 500;
/** Jobs that have waited for so many comparisons are searched in BullMQ's lists, */
const SEARCH_AFTER = 5;
/** so many with each comparison: a search is several commands, and at no time are they to be many. */
const SEARCH_SAMPLE = 3;
/** Entries read between two trims of the stream. */
const TRIM_AFTER = 64;
/** Submissions whose answers are kept for the looks under way. */
const MOST_RECENT = 1_000;

export interface ResultChannelOptions {
  /** For commands that answer at once. */
  client: RedisClient;
  /** Opens the one connection that blocks. */
  openBlocking: () => RedisClient;
  keys: Keys;
  clientId: string;
  keepAlive: KeepAlive;
  logger: Logger;
  /** Time between two comparisons of pending jobs with Redis, ms. @defaultValue 2_000 */
  interval?: Milliseconds;
}

/**
 * Brings answers home to one client process. Nothing is lost on the way, by three layers:
 *
 * 1. Hosts append answers to this client's own stream before they finish the job. A stream is read by position, so a
 *    connection that breaks in the middle of a read reads the same entries again.
 * 2. The job keeps its outcome. Every two seconds some of the pending jobs are compared with Redis, in turn; after a
 *    reconnect, and when a comparison shows that something went wrong, all of them. What is finished there is settled here.
 * 3. A job that Redis does not know three times in a row, with its stream read to the end in between, is lost: its
 *    callers get StateLostError instead of waiting without end.
 *
 * A job that Redis knows and that is in none of BullMQ's lists would never run: it is looked for among those that wait
 * for long, and put back.
 *
 * Answers that come twice (a job that ran again after its host died) are ignored by the ticket.
 */
export class ResultChannel {
  readonly #options: ResultChannelOptions;
  readonly #warnings: RareWarnings;
  readonly #interval: Milliseconds;
  readonly #stream: string;
  /** By the submission that hosts answer to. */
  readonly #tickets = new Map<string, Ticket>();
  /** Tickets that take the answers to another submission, by that. */
  readonly #followers = new Map<string, Set<Ticket>>();
  /** Looks under way, and answers that came since one began, by submission: what it finds may have been answered meanwhile. */
  #looks = 0;
  readonly #recent = new Map<string, Uint8Array[]>();
  readonly #listeners = new Map<string, Set<(bytes: Uint8Array) => void>>();
  /** Tickets that keep the program alive. */
  #holds = 0;
  #blocking: RedisClient | undefined;
  #reading = false;
  /** Why nothing comes any more. */
  #closed: Error | undefined;
  /** All pending jobs are to be compared, not only some. */
  #suspicious = false;
  #position = "0-0";
  #readSinceTrim = 0;
  readonly #reconciliation: Duty;
  /** Goes through all tickets, again and again, where the last look has ended. */
  #walk: Iterator<Ticket> = [].values();

  constructor(options: ResultChannelOptions) {
    this.#options = options;
    this.#warnings = new RareWarnings(options.logger);
    this.#interval = options.interval ?? 2_000;
    this.#stream = options.keys.replies(options.clientId);
    this.#reconciliation = new Duty({
      client: options.client,
      logger: { warn: (text) => this.#warnings.warn(text, text) },
      what: "comparing pending jobs with Redis",
      interval: this.#interval,
      look: () => this.#reconcile(),
    });
    options.client.on("ready", () => {
      this.#suspicious = true;
    });
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

  /** Registers a job. Call it before the job is submitted, so that no answer arrives before it is expected. */
  expect(ticket: Ticket): void {
    if (this.#closed) return ticket.fail(this.#closed);
    this.#tickets.set(ticket.id, ticket);
    if (!ticket.background) this.#hold();
    this.#reconciliation.start();
    if (!this.#reading) void this.#read();
  }

  /** Forgets a ticket that has been settled by other means. */
  settle(ticket: Ticket): void {
    if (this.#tickets.get(ticket.id) !== ticket) return;
    this.#tickets.delete(ticket.id);
    this.#unfollow(ticket);
    if (!ticket.background) this.#release();
  }

  /** Gives `listener` what hosts send under that name besides answers, as it comes. @returns ends that */
  listen(name: string, listener: (bytes: Uint8Array) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
    };
  }

  /**
   * Looks at the job that stands for a ticket, whose answers may go to another submission; `seen` is settled by what is
   * found. The first look tells which life of the id is meant, and whose answers this ticket may share.
   *
   * @returns false when that life of the job is over, or the job was never there
   */
  async look(ticket: Ticket, seen: Ticket): Promise<boolean> {
    this.#looks += 1;
    try {
      return await this.#lookFor(ticket, seen);
    } finally {
      this.#looks -= 1;
      if (this.#looks === 0) this.#recent.clear();
    }
  }

  async #lookFor(ticket: Ticket, seen: Ticket): Promise<boolean> {
    const { client, clientId, keys } = this.#options;
    const found = await lookAtJob({ client, keys, watcher: clientId }, seen);
    if (seen.settled || ticket.settled) return true;
    if (found === null || (seen.life ?? found.life) !== found.life) {
      // Its answer may have come before it went.
      await this.#readUnread();
      return ticket.settled;
    }
    seen.life = found.life;
    ticket.life = found.life;
    if (ticket.follows === undefined && found.submission !== ticket.id) this.#follow(ticket, found.submission);
    return true;
  }

  /** Puts the job of a ticket back into its queue when it is in no list of BullMQ. @returns true when it had to */
  async bringBack({ pool, jobId, task }: Ticket): Promise<boolean> {
    const { client, keys, logger } = this.#options;
    if ((await bringJobBack(client, keys, { pool, jobId })) !== "unlisted") return false;
    logger.warn(
      `job ${jobId} of task "${task}" was in no list of pool "${pool}", so that it would never have run: it is back in its queue; ` +
        "a tool may have overwritten the pool's lists",
    );
    return true;
  }

  /** Stops reading; pending tickets fail with the error. */
  async close(error: Error): Promise<void> {
    this.#closed = error;
    void this.#reconciliation.stop();
    for (const ticket of [...this.#tickets.values()]) {
      ticket.fail(error);
      this.settle(ticket);
    }
    this.#blocking?.disconnect();
    if (this.#blocking && this.#options.client.status === "ready") {
      await this.#options.client.unlink(this.#stream).catch(() => {});
    }
    if (this.#blocking) await closeRedis(this.#blocking, 0);
  }

  #follow(ticket: Ticket, submission: string): void {
    ticket.follows = submission;
    const followers = this.#followers.get(submission);
    if (followers) followers.add(ticket);
    else this.#followers.set(submission, new Set([ticket]));
    for (const answers of this.#recent.get(submission) ?? []) this.#give(ticket, answers);
  }

  #unfollow(ticket: Ticket): void {
    if (ticket.follows === undefined) return;
    const followers = this.#followers.get(ticket.follows);
    followers?.delete(ticket);
    if (followers?.size === 0) this.#followers.delete(ticket.follows);
  }

  #hold(): void {
    this.#holds += 1;
    if (this.#holds === 1) this.#options.keepAlive.hold();
  }

  #release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#options.keepAlive.release();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#blocking ??= this.#options.openBlocking();
    while (this.#tickets.size > 0 && !this.#closed) {
      try {
        await this.#readOnce(this.#blocking);
      } catch (error) {
        if (this.#closed) break;
        const { message } = error as Error;
        this.#warnings.warn(message, `reading answers failed, trying again: ${message}`);
        await pause(200);
      }
    }
    this.#reading = false;
  }

  async #readOnce(blocking: RedisClient): Promise<void> {
    // A connection that died without a word (a cable, a firewall) would block without end; a new one asks again.
    const watchdog = setTimeout(() => blocking.disconnect(true), BLOCK + SILENCE).unref();
    try {
      const reply = await blocking.xreadBuffer("COUNT", 1_000, "BLOCK", BLOCK, "STREAMS", this.#stream, this.#position);
      this.#takeAll(reply as StreamReply);
    } finally {
      clearTimeout(watchdog);
    }
    this.#trim();
  }

  /** @returns number of entries */
  #takeAll(reply: StreamReply): number {
    let count = 0;
    for (const [, entries] of reply ?? []) {
      for (const [bytes, fields] of entries) {
        const id = bytes.toString();
        // Both connections may bring the same entry, and what listeners hear must not come twice.
        if (comesAfter(id, this.#position)) this.#take(id, fields);
      }
      count += entries.length;
    }
    return count;
  }

  #take(id: string, fields: Buffer[]): void {
    this.#position = id;
    this.#readSinceTrim += 1;
    const bytes = fields[1];
    if (!bytes) return;
    for (const item of this.#readable(id, () => replyItems(bytes)) ?? []) {
      this.#readable(id, () => this.#deliver(item));
    }
  }

  /**
   * The net under the stream, into which every client of this Redis can write: an entry or item that cannot be read is
   * told and left out. What it was to say is read from the job itself.
   */
  #readable<Value>(id: string, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      const { message } = error as Error;
      this.#warnings.warn(message, `entry ${id} of ${this.#stream} is ignored: ${message}`);
      return undefined;
    }
  }

  #deliver([submission, answers]: ReplyItem): void {
    if (this.#looks > 0) this.#remember(submission, answers);
    for (const listener of [...(this.#listeners.get(submission) ?? [])]) listener(answers);
    const ticket = this.#tickets.get(submission);
    if (ticket) {
      // A host can be faster than the acknowledgement of the submission.
      ticket.submitted = true;
      this.#give(ticket, answers);
    }
    for (const follower of [...(this.#followers.get(submission) ?? [])]) this.#give(follower, answers);
  }

  #remember(submission: string, answers: Uint8Array): void {
    this.#recent.set(submission, [...(this.#recent.get(submission) ?? []), answers]);
    if (this.#recent.size <= MOST_RECENT) return;
    const [oldest = submission] = this.#recent.keys();
    this.#recent.delete(oldest);
  }

  #give(ticket: Ticket, answers: Uint8Array): void {
    try {
      giveAnswers(ticket, answers);
    } catch (error) {
      ticket.fail(unreadable(ticket, error));
    }
    if (ticket.settled) this.settle(ticket);
  }

  #trim(): void {
    if (this.#readSinceTrim < TRIM_AFTER) return;
    this.#readSinceTrim = 0;
    this.#options.client.xtrim(this.#stream, "MINID", "=", this.#position).catch(() => {});
  }

  async #reconcile(): Promise<void> {
    // Here, because the last job ends with each call of a program that makes one after another.
    if (this.#tickets.size === 0) return void this.#reconciliation.stop();
    this.#suspicious ||= await this.#compare(this.#oldTickets(RECONCILE_SAMPLE));
    if (this.#suspicious) this.#suspicious = await this.#compareAll();
    await this.#search();
  }

  /** Searches some of the jobs that wait for long; where one is in no list, all of them. */
  async #search(): Promise<void> {
    const age = SEARCH_AFTER * this.#interval;
    const [oldest] = this.#tickets.values();
    if (!oldest || performance.now() - oldest.since <= age) return;
    for (const ticket of this.#oldTickets(SEARCH_SAMPLE, age)) {
      if (!ticket.submitted || !(await this.bringBack(ticket))) continue;
      for (const other of this.#oldTickets(Number.POSITIVE_INFINITY, age)) {
        if (other.submitted && !other.settled) await this.bringBack(other);
      }
      return;
    }
  }

  async #compareAll(): Promise<boolean> {
    let isAmiss = false;
    for (let left = Math.ceil(this.#tickets.size / RECONCILE_BATCH); left > 0; left -= 1) {
      isAmiss = (await this.#compare(this.#oldTickets(RECONCILE_BATCH))) || isAmiss;
    }
    return isAmiss;
  }

  /** @returns true when an answer had been missed or a job is missing */
  async #compare(tickets: Ticket[]): Promise<boolean> {
    if (tickets.length === 0) return false;
    const missing = new Set(await readOutcomes(this.#options.client, this.#options.keys, tickets));
    let anomalies = 0;
    for (const ticket of tickets) {
      if (ticket.settled) {
        this.settle(ticket);
        anomalies += 1;
      } else if (!missing.has(ticket)) ticket.misses = 0;
    }
    const lost = [...missing].filter((ticket) => ticket.submitted);
    if (lost.length === 0 && anomalies === 0) return false;
    // Answers that are only late explain both.
    if ((await this.#readUnread()) > 0) return false;
    for (const ticket of lost) this.#miss(ticket);
    return true;
  }

  /** Reads without blocking what the blocking connection has not brought yet: it may be broken, and this one is not. */
  async #readUnread(): Promise<number> {
    const { client } = this.#options;
    return this.#takeAll(
      (await client.xreadBuffer("COUNT", 1_000, "STREAMS", this.#stream, this.#position)) as StreamReply,
    );
  }

  /**
   * Up to `count` tickets that have waited for a while, the next ones with each call. Which job stands for a foreign one is
   * known to those who look at it.
   */
  #oldTickets(count: number, age: Milliseconds = this.#interval): Ticket[] {
    const now = performance.now();
    const old: Ticket[] = [];
    for (let left = this.#tickets.size; left > 0 && old.length < count; left -= 1) {
      let next = this.#walk.next();
      if (next.done) {
        this.#walk = this.#tickets.values();
        next = this.#walk.next();
      }
      if (!next.done && !next.value.mayExist && now - next.value.since > age) old.push(next.value);
    }
    return old;
  }

  /** An unread answer explains a missing job; so it counts only while the stream holds none. */
  #miss(ticket: Ticket): void {
    if (ticket.settled) return;
    ticket.misses += 1;
    if (ticket.misses < 3) return;
    ticket.fail(
      new StateLostError(
        `Redis no longer knows job ${ticket.jobId} of task "${ticket.task}": it was removed, or Redis lost its data; submit it again`,
      ),
    );
    this.settle(ticket);
  }
}

function replyItems(bytes: Buffer): ReplyItem[] {
  const items = decode(bytes);
  if (!Array.isArray(items)) throw new TypeError("it is no list of answers");
  return items as ReplyItem[];
}

type StreamReply = [stream: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

/** Whether the entry `id` of a stream, "<milliseconds>-<number>", comes after `position`. */
function comesAfter(id: string, position: string): boolean {
  const [time = 0, number = 0] = id.split("-").map(Number);
  const [timeBefore = 0, numberBefore = 0] = position.split("-").map(Number);
  return time > timeBefore || (time === timeBefore && number > numberBefore);
}
