import { LockLostError } from "../../errors/index.ts";
import { ownLabel } from "../../objects/index.ts";
import type { Milliseconds } from "../../protocol/records.ts";
import { type Attempt, type Patience, toLimit, waitForTurn } from "../../waiting/index.ts";
import type { QueuePlace } from "./queue-place.ts";
import { abandonQueue, commitItems, pollQueue, returnItems, takeItems, takeLeased } from "./queue-scripts.ts";

/** Most items taken at once, and about the most characters. */
const BATCH_ITEMS = 1_000;
const BATCH_TEXT = 1024 * 1024;
/** A batch that was handed out within this time is followed by a larger one, ms. */
const FAST: Milliseconds = 5;
/** Items that nobody asked for within this time go back for others, ms. */
const IDLE: Milliseconds = 10;
/** More items than any claim has. */
const ALL = 2 ** 31;
/** Share of a batch that is committed at once, before the first of it is handed out. */
const COMMIT_SHARE = 8;

/**
 * Takes items of one queue for this process.
 *
 * What is taken stands in the session's claim until it is committed, so that a lost answer or a killed process loses
 * nothing that was not handed out. Duties: 1. a lone get takes one item, a process that asks without pause takes larger and
 * larger batches; 2. items are committed just before they are handed out (`leased`: only when they are done); 3. what is
 * taken and not asked for goes back to the front of the queue; 4. after a lapse of the session nothing of it is handed out,
 * because others may have it.
 *
 * Items are texts, or bytes where `form` says so.
 */
export class Consumer<Stored extends string | Buffer = string> {
  readonly #place: QueuePlace;
  readonly #isLeased: boolean;
  readonly #mayPrefetch: boolean;
  readonly #form: "text" | "bytes";
  #buffer: Stored[] = [];
  /** Place of the next item in the buffer. */
  #next = 0;
  /** A claim of its own after each lapse. */
  #incarnation = 0;
  /** Items of this claim so far: committed, and taken. */
  #committed = 0;
  #taken = 0;
  /** Handed out and not done, of a leased queue; and those whose lease has ended. */
  #outstanding = 0;
  #lost = 0;
  #want = 1;
  #filledAt = 0;
  #activeAt = 0;
  #meanLength = 64;
  #fetch: Promise<void> = Promise.resolve();
  #isFetching = false;
  #idle: NodeJS.Timeout | undefined;
  readonly #stopListening: (() => void)[];

  constructor(
    place: QueuePlace,
    options: { isLeased: boolean; mayPrefetch: boolean; form: Stored extends string ? "text" : "bytes" },
  ) {
    this.#place = place;
    this.#isLeased = options.isLeased;
    this.#mayPrefetch = options.mayPrefetch;
    this.#form = options.form;
    const { session } = place.runtime;
    const forget = (): void => this.#forget();
    this.#stopListening = [session.on("lapsed", forget), session.on("lost", forget), session.on("stateLost", forget)];
  }

  /** An item that is here already. */
  next(): { text: Stored } | undefined {
    if (this.#next >= this.#buffer.length) return undefined;
    const now = performance.now();
    if (now >= this.#place.runtime.session.trustedUntil) {
      this.#forget();
      return undefined;
    }
    this.#activeAt = now;
    const text = this.#buffer[this.#next] as Stored;
    this.#next += 1;
    if (this.#isLeased) this.#outstanding += 1;
    else this.#commitUpTo();
    if (this.#next >= this.#buffer.length) this.#drained();
    return { text };
  }

  /** @returns undefined when there was none in time */
  async get(patience: Patience | undefined): Promise<{ text: Stored } | undefined> {
    const { limit, signal } = toLimit(patience);
    const deadline = performance.now() + limit;
    const { runtime } = this.#place;
    for (let isFirst = true; ; isFirst = false) {
      const here = this.next();
      if (here) return here;
      const left = deadline - performance.now();
      if (!isFirst && left <= 0) return undefined;
      const granted = await waitForTurn<true>(
        runtime.room,
        { attempt: (waiter) => this.#attempt(waiter), abandon: (waiter) => this.#abandon(waiter) },
        {
          patience: { ...(left === Number.POSITIVE_INFINITY ? {} : { timeout: left }), ...(signal ? { signal } : {}) },
          label: ownLabel(),
        },
      );
      if (!granted) return undefined;
    }
  }

  /**
   * Waits until a get would not wait.
   * @returns false when that was not so in time
   */
  async poll(patience: Patience | undefined): Promise<boolean> {
    if (this.#next < this.#buffer.length) return true;
    const place = this.#place;
    const { client, room } = place.runtime;
    const keys = [place.key(), place.key("items"), place.key("pollers")];
    const there = await waitForTurn<true>(
      room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const reply = await pollQueue.run(client, keys, [...place.making, waiter ?? ""]);
          place.confirm(reply);
          const isThere = reply === 1 || this.#next < this.#buffer.length;
          return isThere ? { granted: true, value: true } : { granted: false, dueIn: null };
        },
        abandon: (waiter) => client.lrem(place.key("pollers"), 1, waiter ?? ""),
      },
      { patience, label: ownLabel() },
    );
    return there !== undefined;
  }

  /** Items that Redis counts as handed out and that nobody here has asked for yet. */
  get ahead(): number {
    if (this.#isLeased) return 0;
    return Math.max(0, this.#committed - (this.#taken - (this.#buffer.length - this.#next)));
  }

  /** Of a leased queue: one of the items handed out here is done. @throws LockLostError when its lease has ended */
  done(): void {
    if (this.#lost > 0) {
      this.#lost -= 1;
      throw new LockLostError(
        `the lease of an item of the ${this.#place.title} ended before it was done; another consumer gets it`,
      );
    }
    if (this.#outstanding > 0) this.#outstanding -= 1;
  }

  /** Gives back what was not handed out. */
  async close(): Promise<void> {
    for (const stop of this.#stopListening) stop();
    clearTimeout(this.#idle);
    await this.#giveBack();
  }

  async #attempt(waiter: string | null): Promise<Attempt<true>> {
    // Several gets of one process do not fetch at the same time: one brings for all.
    while (this.#isFetching) await this.#fetch;
    if (this.#next < this.#buffer.length) return { granted: true, value: true };
    await this.#startFetch(waiter);
    return this.#next < this.#buffer.length ? { granted: true, value: true } : { granted: false, dueIn: null };
  }

  #abandon(waiter: string | null): Promise<unknown> {
    const { runtime, queue } = this.#place;
    return abandonQueue.run(
      runtime.client,
      [this.#place.key("getters"), this.#place.key()],
      [runtime.keys.prefix, queue, waiter ?? ""],
    );
  }

  #startFetch(waiter: string | null): Promise<void> {
    this.#isFetching = true;
    const fetching = this.#take(waiter).finally(() => {
      this.#isFetching = false;
    });
    this.#fetch = fetching.catch(() => {});
    return fetching;
  }

  async #take(waiter: string | null): Promise<void> {
    const place = this.#place;
    const incarnation = this.#incarnation;
    const keys = [place.key("consumers"), this.claim];
    const args = [...place.making, this.#name, this.#want, waiter ?? ""];
    const [reply, ...items] = (
      this.#isLeased
        ? await takeLeased.run(place.context, keys, args)
        : await this.#takeCommitting(keys, [...args, this.#committed, this.#taken - this.#committed])
    ) as [number, ...Stored[]];
    place.confirm(reply);
    // Meanwhile the claim was given up, and these with it.
    if (incarnation !== this.#incarnation || items.length === 0) return;
    this.#taken += items.length;
    this.#buffer = this.#next < this.#buffer.length ? [...this.#buffer.slice(this.#next), ...items] : items;
    this.#next = 0;
    this.#filledAt = performance.now();
    this.#activeAt = this.#filledAt;
    this.#meanLength = (this.#meanLength + (items[0]?.length ?? 0)) / 2;
    this.#watchIdle();
  }

  #takeCommitting(keys: string[], args: (string | number)[]): Promise<unknown> {
    const { client } = this.#place.runtime;
    return this.#form === "text" ? takeItems.run(client, keys, args) : takeItems.runForBytes(client, keys, args);
  }

  /** The whole batch is handed out: the next one depends on how fast that was. */
  #drained(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (!this.#mayPrefetch) return;
    const wasFast = performance.now() - this.#filledAt < FAST;
    const most = Math.max(1, Math.min(BATCH_ITEMS, Math.floor(BATCH_TEXT / this.#meanLength)));
    this.#want = wasFast ? Math.min(most, this.#want * 2) : Math.max(1, Math.floor(this.#want / 4));
    this.#buffer = [];
    this.#next = 0;
  }

  /** Commits what is about to be handed out; not waited for, but sent before. */
  #commitUpTo(): void {
    const handed = this.#taken - (this.#buffer.length - this.#next);
    if (handed <= this.#committed) return;
    const share = Math.ceil(this.#buffer.length / COMMIT_SHARE);
    this.#committed = Math.min(this.#taken, handed + (this.#buffer.length < COMMIT_SHARE ? 0 : share - 1));
    const place = this.#place;
    commitItems
      .run(place.runtime.client, [place.key("consumers"), this.claim], [this.#name, this.#committed])
      .catch(() => {});
  }

  #watchIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (performance.now() - this.#activeAt < IDLE) return this.#watchIdle();
      this.#giveBack().catch(() => {});
    }, IDLE);
  }

  /** The claimed ones move back; the committed ones that were not handed out after all are put before them. */
  async #giveBack(): Promise<void> {
    while (this.#isFetching) await this.#fetch;
    const left = this.#buffer.slice(this.#next);
    if (left.length === 0) return;
    const claimed = this.#isLeased ? left.length : this.#taken - this.#committed;
    this.#buffer = [];
    this.#next = 0;
    this.#taken -= claimed;
    await this.#return(this.claim, claimed, left.slice(0, left.length - claimed));
  }

  async #return(claim: string, count: number, before: readonly Stored[]): Promise<void> {
    const { context, runtime, queue } = this.#place;
    this.#isFetching = true;
    const returned = returnItems.run(context, [claim], [runtime.keys.prefix, queue, count, ...before]);
    this.#fetch = returned.then(
      () => {},
      () => {},
    );
    await this.#fetch;
    this.#isFetching = false;
  }

  /** Others may have what this process had claimed. */
  #forget(): void {
    clearTimeout(this.#idle);
    const claim = this.claim;
    this.#incarnation += 1;
    this.#buffer = [];
    this.#next = 0;
    this.#committed = 0;
    this.#taken = 0;
    this.#lost += this.#outstanding;
    this.#outstanding = 0;
    // Where only this process' own clock says that the session may have ended, nobody else gives the claim back.
    const { context, runtime, queue } = this.#place;
    returnItems.run(context, [claim], [runtime.keys.prefix, queue, ALL]).catch(() => {});
  }

  /** Its claim in Redis. */
  get claim(): string {
    return this.#place.claimOf(this.#name);
  }

  /** How Redis knows this consumer. */
  get #name(): string {
    return `${this.#place.session}#${this.#incarnation}`;
  }
}
