import { LockLostError } from "../../../errors/index.ts";
import { type RoundTrip, roundTripOf } from "../../../redis/connection/index.ts";
import { type Attempt, type Patience, toLimit, toPatience, waitForTurn } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { ownLabel } from "../../object/index.ts";
import type { QueuePlace } from "./queue-place.ts";
import {
  abandonQueue,
  commitItems,
  compareClaim,
  pollQueue,
  returnItems,
  SEPARATOR,
  takeItems,
} from "./queue-scripts.ts";
import { StandingReader } from "./standing-reader.ts";

/** Most items taken at once, and about the most characters. */
const BATCH_ITEMS = 1_000;
const BATCH_TEXT = 1024 * 1024;
/**
 * For how long a batch should last, in round trips: what takes one item in each of them is asking without pause, and the
 * next batch comes before half of one is used up; at least, ms.
 */
const BATCH_ROUNDS = 3;
const BATCH_TIME: Milliseconds = 8;
/** Smaller batches are not worth being fetched in advance. */
const WORTH_FETCHING = 16;
/**
 * Items that are not asked for within so many round trips go back for others; at least, ms. A consumer that asks Redis for
 * something else between two items must not lose the second.
 */
const IDLE_ROUNDS = 3;
const IDLE: Milliseconds = 10;
/** Most items that are committed before they are asked for; they last one round trip, but at least, ms. */
const MOST_AHEAD = 256;
const AHEAD: Milliseconds = 1;

/** Least time between two comparisons of a leased claim with Redis that no reconnect asks for, ms. */
const COMPARE_INTERVAL: Milliseconds = 5_000;
/** Former names of a leased consumer that are compared as well: the last so many. */
const GIVEN_UP = 20;

/** One get, as far as it has come. */
interface GetTurn {
  isOver: boolean;
  /** Whether it may wait for the next message without another look at Redis; whether it has. */
  readonly mayStand: boolean;
  hasStood: boolean;
}

/** Which messages of a pipe were handed out, told to Redis with what is sent next. */
export interface Acknowledgement {
  entry: string;
  /** Number of the first message that was not handed out. */
  handed: number;
  answered: (isStanding: boolean) => unknown;
}

/** Consumers of this process so far: none has the name of another. */
let consumers = 0;

/** How a consumer takes items. */
export interface ConsumerOptions<Stored> {
  /** What is handed out stays leased until it is done. */
  isLeased: boolean;
  mayPrefetch: boolean;
  /** Of a pipe: messages may come without being asked for. */
  mayStand?: boolean;
  form: Stored extends string ? "text" : "bytes";
}

/**
 * Takes items of one queue for this process.
 *
 * What is taken stands in a claim of this session, so that a lost answer or a killed process loses nothing that was not
 * handed out. Duties: 1. a lone get takes one item, a process that asks without pause takes larger and larger batches, the
 * next before the last one is used up; 2. an item is handed out once Redis has answered that it is committed, so that it is
 * never given to another consumer, however long this process is cut off or frozen; what is committed in advance lasts
 * about a round trip (`leased`: it is handed out uncommitted, while the lease of the session can be trusted); 3. what
 * is taken and not asked for goes back to the front of the queue; what a get waits for never does; 4. `leased`: after
 * each reconnect, and every now and then, what Redis says that it holds is compared with what it holds, because a
 * failover loses writes;
 * 5. `mayStand`: a lone message comes with the wake-up (`StandingReader`), and counts as committed: no other consumer can get it.
 *
 * Items have numbers in the order of their coming: handed <= committed <= requested <= taken. Each answer of Redis belongs to
 * an era, and what is given back is chosen and sent in one step: between an `await` and what follows it, gets come and go.
 */
export class Consumer<Stored extends string | Buffer = string> {
  readonly #place: QueuePlace;
  readonly #options: ConsumerOptions<Stored>;
  readonly #roundTrip: RoundTrip;
  /** How Redis knows this consumer; another name after its claim was given to others. */
  #name: string;
  #buffer: Stored[] = [];
  /** Place in the buffer of the item with the number `handed`. */
  #next = 0;
  #handed = 0;
  #committed = 0;
  #requested = 0;
  #taken = 0;
  /** Whether the queue has item options, and so is not asked for more than what a get waits for. */
  #isSorted = false;
  /** When an item is due that was not at the last look, by `performance.now()`. */
  #dueAt: number | undefined;
  /** Claims of former names, oldest first, in which are committed items before the number `until`. */
  #former: { name: string; until: number }[] = [];
  /** Grows when what Redis was asked before no longer matters. */
  #era = 0;
  /** Of a leased queue: handed out and not done; and those whose lease has ended. */
  #outstanding = 0;
  #lost = 0;
  /** And done, while Redis has not answered; former names, of which it holds nothing. */
  #finishing = 0;
  #givenUp: string[] = [];
  #comparedAt = 0;
  #isCompareDue = false;
  #want = 1;
  /** What a get asked for that wants many at once. */
  #wish = 1;
  #ahead = 1;
  #aheadSince = 0;
  #handedThen = 0;
  #fetchedAt = 0;
  #handedAtFetch = 0;
  /** Gets that wait for an item; and their tries that are under way, which see by themselves what comes. */
  #gets = 0;
  #tries = 0;
  #meanLength = 64;
  /** Whether Redis knows of items that were taken here. */
  #hasClaim = false;
  #fetch: Promise<unknown> | undefined;
  #commit: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Waiters of gets that wait for a wake-up; and those of them that Redis may know. */
  readonly #waitingGets = new Set<string>();
  readonly #stored = new Set<string>();
  #reader: StandingReader | undefined;
  /** The one get that waits for what the standing reader hears next, and for nothing else. */
  #whenHeard: ((item: { text: Stored } | undefined) => void) | undefined;
  readonly #stopListening: (() => void)[] = [];

  constructor(place: QueuePlace, options: ConsumerOptions<Stored>) {
    this.#place = place;
    this.#options = options;
    this.#roundTrip = roundTripOf(place.runtime.client);
    this.#name = this.#nextName();
    const { session } = place.runtime;
    if (!options.isLeased) {
      this.#stopListening = [session.on("reconnected", () => this.#returnAgain())];
      return;
    }
    const forget = (): void => this.forget();
    this.#stopListening = [
      session.on("lapsed", forget),
      session.on("lost", forget),
      session.on("stateLost", forget),
      session.on("reconnected", () => this.#compare()),
      session.on("beat", () => {
        if (performance.now() - this.#comparedAt > COMPARE_INTERVAL) this.#compare();
      }),
    ];
  }

  /** How Redis knows this consumer. */
  get name(): string {
    return this.#name;
  }

  /** An item that is here already. */
  next(): { text: Stored } | undefined {
    if (!this.#isReady()) return undefined;
    const text = this.#buffer[this.#next] as Stored;
    this.#next += 1;
    this.#handed += 1;
    if (this.#options.isLeased) this.#outstanding += 1;
    else if (this.#requested - this.#handed < this.#ahead) this.#commitAhead()?.catch(() => {});
    const left = this.#buffer.length - this.#next;
    if (left === 0) this.#empty();
    if (left <= this.#want / 2 && this.#want >= WORTH_FETCHING && !this.#fetch) this.#startFetch(null).catch(() => {});
    return { text };
  }

  /**
   * @param most - More than one, and the items that are taken now may be as many.
   * @returns undefined when there was none in time
   */
  async get(patience: Patience | undefined, most: number = 1): Promise<{ text: Stored } | undefined> {
    const { limit, signal } = toLimit(patience);
    signal?.throwIfAborted();
    const deadline = performance.now() + limit;
    this.#gets += 1;
    try {
      return await this.#wait({ deadline, signal, most });
    } finally {
      this.#gets -= 1;
      // What it did not take is for one that waits.
      if (this.#gets > 0) this.#wakeGets();
      else if (this.#reader && this.#idle === undefined) this.#lookIdle();
    }
  }

  /**
   * A get where the next message comes by itself and no other get waits. It ends without one when that has to be asked for,
   * and when `leave` is called.
   */
  hear(): { heard: Promise<{ text: Stored } | undefined>; leave: () => void } | undefined {
    if (this.#gets > 0 || this.#fetch || !this.#reader?.standsAt(this.#handed)) return undefined;
    const { promise, resolve } = Promise.withResolvers<{ text: Stored } | undefined>();
    this.#gets += 1;
    this.#tries += 1;
    const whenHeard = (item: { text: Stored } | undefined): void => {
      if (this.#whenHeard !== whenHeard) return;
      this.#whenHeard = undefined;
      this.#tries -= 1;
      this.#gets -= 1;
      if (this.#gets > 0) this.#wakeGets();
      else if (this.#idle === undefined) this.#lookIdle();
      resolve(item);
    };
    this.#whenHeard = whenHeard;
    return { heard: promise, leave: () => whenHeard(undefined) };
  }

  async #wait(wait: {
    deadline: number;
    signal: AbortSignal | undefined;
    most: number;
  }): Promise<{ text: Stored } | undefined> {
    const { deadline, signal, most } = wait;
    const { runtime } = this.#place;
    while (true) {
      const here = this.next();
      if (here) return here;
      this.#wish = Math.max(this.#wish, most);
      // Others of this process may have been faster: then there is another try, also when the time is over.
      const left = Math.max(0, deadline - performance.now());
      // So short a wait is one look at Redis.
      const turn: GetTurn = { isOver: false, mayStand: left > runtime.room.answerTime, hasStood: false };
      const granted = await waitForTurn<true>(
        runtime.room,
        {
          attempt: (waiter) => this.#attempt(waiter, turn),
          abandon: (waiter) => {
            turn.isOver = true;
            return this.#abandon(waiter);
          },
        },
        {
          patience: toPatience(left, signal),
          label: ownLabel(),
        },
      ).finally(() => {
        turn.isOver = true;
      });
      // What came, and was lost on the way, is in Redis.
      if (!granted && !turn.hasStood) return undefined;
    }
  }

  /**
   * Waits until a get would not wait.
   * @returns false when that was not so in time
   */
  async poll(patience: Patience | undefined): Promise<boolean> {
    if (this.#next < this.#buffer.length) return true;
    this.returnUnread();
    const place = this.#place;
    const { client, room } = place.runtime;
    const keys = [place.key(), place.key("items"), place.key("pollers")];
    const there = await waitForTurn<true>(
      room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const reply = await pollQueue.run(client, keys, [...place.making, waiter ?? ""]);
          const isThere = place.confirm(reply.is) === "ready" || this.#next < this.#buffer.length;
          return isThere ? { granted: true, value: true } : { granted: false, dueIn: null, retryIn: reply.dueIn };
        },
        abandon: (waiter) => client.lrem(place.key("pollers"), 1, waiter ?? ""),
      },
      { patience, label: ownLabel() },
    );
    return there !== undefined;
  }

  /** What is on its way here and no get waits for goes back at once, before what is sent to Redis next. */
  returnUnread(): void {
    if (this.#reader && this.#gets === 0 && !this.#fetch) this.#giveBack({ isLeaving: false })?.catch(() => {});
  }

  /** The number of the first message that the standing reader has not handed out; undefined = there is none. */
  get handedByReader(): number | undefined {
    return this.#reader && this.#handed;
  }

  /**
   * What the standing reader has to say: what was handed out. The caller sends it and calls `answered`, with whether Redis knows
   * the reader.
   */
  get acknowledgement(): Acknowledgement | undefined {
    const reader = this.#reader;
    const handed = this.#handed;
    if (!reader || reader.acknowledged === handed || this.#fetch) return undefined;
    return { entry: reader.entry, handed, answered: reader.asking(handed) };
  }

  /** Another one after items that were here have gone back. */
  get era(): number {
    return this.#era;
  }

  /** Items that Redis counts as handed out and that no get here has asked for yet. */
  get ahead(): number {
    return this.#options.isLeased ? 0 : Math.min(this.#committed - this.#handed, this.#buffer.length - this.#next);
  }

  /**
   * Of a leased queue: one of the items handed out here is done.
   * @returns whether there is one
   * @throws LockLostError when its lease has ended
   */
  done(): boolean {
    if (this.#outstanding > 0 && !this.#isTrusted) this.forget();
    if (this.#lost > 0) {
      this.#lost -= 1;
      throw this.leaseEnded();
    }
    if (this.#outstanding === 0) return false;
    this.#outstanding -= 1;
    return true;
  }

  /** Tells of a taskDone that is under way; while one is, the count in Redis is not known. */
  async finishing<Reply>(reply: Promise<Reply>): Promise<Reply> {
    this.#finishing += 1;
    try {
      return await reply;
    } finally {
      this.#finishing -= 1;
      if (this.#isCompareDue) this.#compare();
    }
  }

  leaseEnded(): LockLostError {
    return new LockLostError(
      `the lease of an item of the ${this.#place.title} ended before it was done; another consumer gets it`,
    );
  }

  /** Hands out nothing more of what is here and not leased. */
  drop(): void {
    if (!this.#options.isLeased) this.#lose(this.#handed);
  }

  /** Gives back what was not handed out. */
  async close(): Promise<void> {
    for (const stop of this.#stopListening) stop();
    while (this.#fetch) await this.#fetch.catch(() => {});
    await this.#giveBack({ isLeaving: true });
  }

  /** Whether the next item is here and may be handed out. */
  #isReady(): boolean {
    if (this.#next >= this.#buffer.length) return false;
    if (!this.#options.isLeased) return this.#handed < this.#committed;
    if (this.#isTrusted) return true;
    this.forget();
    return false;
  }

  get #isTrusted(): boolean {
    return performance.now() < this.#place.runtime.session.trustedUntil;
  }

  async #attempt(waiter: string | null, turn: GetTurn): Promise<Attempt<true>> {
    this.#tries += 1;
    try {
      // Several gets of one process do not fetch at the same time: one brings for all.
      while (!this.#isReady()) {
        // What gave up meanwhile must not be stored again: a wake-up of it would be lost.
        if (turn.isOver) return { granted: false, dueIn: null };
        if (this.#fetch) await this.#fetch.catch(() => {});
        else if (this.#next < this.#buffer.length) await (this.#commit ?? this.#commitAhead());
        else {
          turn.hasStood = waiter !== null && turn.mayStand && this.#reader?.standsAt(this.#handed) === true;
          if (!turn.hasStood && (await this.#startFetch(waiter))) continue;
          if (waiter !== null && !turn.isOver) this.#waitingGets.add(waiter);
          const retryIn = this.#dueAt === undefined ? undefined : Math.max(1, this.#dueAt - performance.now());
          return { granted: false, dueIn: null, retryIn };
        }
      }
    } finally {
      this.#tries -= 1;
      // What came for a get that has given up meanwhile is for one that waits.
      if (turn.isOver) this.#wakeGets();
    }
    if (waiter !== null) {
      this.#waitingGets.delete(waiter);
      // It was not woken by Redis, which would wake it for nothing.
      if (this.#stored.delete(waiter)) {
        this.#place.runtime.client.lrem(this.#place.key("getters"), 1, waiter).catch(() => {});
      }
    }
    turn.hasStood = false;
    return { granted: true, value: true };
  }

  #abandon(waiter: string | null): Promise<unknown> {
    const { runtime, queue } = this.#place;
    if (waiter !== null) {
      this.#waitingGets.delete(waiter);
      this.#stored.delete(waiter);
    }
    return abandonQueue.run(
      runtime.client,
      [this.#place.key("getters"), this.#place.key()],
      [runtime.keys.prefix, queue, waiter ?? ""],
    );
  }

  #startFetch(waiter: string | null): Promise<boolean> {
    const fetch = this.#take(waiter).finally(() => {
      if (this.#fetch === fetch) this.#fetch = undefined;
    });
    this.#fetch = fetch;
    return fetch;
  }

  /** @returns false when there are no items, and the waiter is stored */
  async #take(waiter: string | null): Promise<boolean> {
    const { isLeased, form } = this.#options;
    const place = this.#place;
    const { client } = place.runtime;
    this.#adapt();
    // The gets that wait here now are served by one answer, and not by one after another.
    const wish = Math.min(Math.max(this.#wish, this.#tries), this.#mostAtOnce);
    this.#wish = 1;
    const era = this.#era;
    const [taken, handed] = [this.#taken, this.#handed];
    const reader = waiter === null ? this.#reader : this.#registerReader();
    const answered = reader?.asking(handed);
    if (reader) this.#hasClaim = true;
    const keys = [place.key(), place.key("items"), place.key("getters"), place.key("consumers"), this.#claim];
    const args = [
      ...place.making,
      waiter ?? "",
      this.#name,
      Math.max(this.#want, wish),
      // As far ahead as a commit of its own would go: a fetch saves one.
      isLeased ? 0 : this.#handed + Math.max(2 * this.#ahead, wish),
      isLeased ? 0 : this.#handed,
      isLeased ? this.#handed - this.#outstanding : this.#committed,
      this.#taken,
      form,
      reader?.entry ?? "",
      this.#tries > 0 ? wish : 0,
    ];
    const reply =
      form === "text" ? await takeItems.run(client, keys, args) : await takeItems.runForBytes(client, keys, args);
    // Meanwhile the claim was given up, and these with it.
    if (era !== this.#era) return true;
    if (reply.is === "given away") {
      if (isLeased) this.forget();
      else {
        this.#confirm(reply.committed);
        this.#lose(this.#committed);
      }
      return true;
    }
    if (waiter !== null) this.#noteStored(waiter, reply.is === "empty" && !reply.stands);
    switch (reply.is) {
      case "empty":
        this.#dueAt = reply.dueIn === undefined ? undefined : performance.now() + reply.dueIn;
        place.confirm("empty");
        if (reader && waiter === null && !reply.stands) this.#wakeAll();
        return answered?.(reply.stands) === false || this.#isReady();
      case "block taken":
        return this.#fetchBlock(reply.key, reply.committed);
      case "taken": {
        this.#isSorted ||= reply.isSorted;
        // What came by itself meanwhile is among them.
        const items = this.#unpack(reply.items as Stored[], reply.count).slice(this.#taken - taken);
        this.#receive(items, reply.committed);
        place.confirm("taken");
        return true;
      }
      default:
        if (reply.is !== "shut" && !isLeased) this.#lose(this.#committed);
        place.confirm(reply.is);
        return false;
    }
  }

  #noteStored(waiter: string, isStored: boolean): void {
    if (isStored) this.#stored.add(waiter);
    else this.#stored.delete(waiter);
  }

  #registerReader(): StandingReader | undefined {
    if (!this.#options.mayStand) return undefined;
    this.#reader ??= new StandingReader(
      this.#place.runtime.room,
      { name: this.#name, label: ownLabel() },
      {
        message: (number, bytes) => {
          if (number === this.#taken) this.#receive([bytes as Stored], number + 1);
        },
        doubt: () => this.#wakeAll(),
      },
    );
    return this.#reader;
  }

  #dismissReader(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#wakeAll();
  }

  /** @returns true: there are items, also when this brought none */
  async #fetchBlock(key: string, committed: number): Promise<boolean> {
    const era = this.#era;
    const text = await this.#place.runtime.client.get(key);
    // When the block is gone, the items of it that are still this consumer's come with the next attempt.
    if (era === this.#era && text !== null) this.#receive(text.split(SEPARATOR) as Stored[], committed);
    return true;
  }

  #unpack(items: Stored[], count: number): Stored[] {
    const [first] = items;
    return typeof first === "string" && items.length < count ? (first.split(SEPARATOR) as Stored[]) : items;
  }

  #receive(items: Stored[], committed: number): void {
    this.#taken += items.length;
    this.#committed = Math.max(this.#committed, committed);
    this.#requested = Math.max(this.#requested, this.#committed);
    if (this.#next < this.#buffer.length) this.#buffer = this.#buffer.slice(this.#next).concat(items);
    else this.#buffer = items;
    this.#next = 0;
    this.#meanLength = (this.#meanLength + (items[0]?.length ?? 0)) / 2;
    this.#hasClaim = true;
    if (this.#idle === undefined) this.#lookIdle();
    else this.#idle.ref();
    if (this.#whenHeard && this.#isReady()) this.#whenHeard(this.next());
    this.#wakeGets();
  }

  /** More is here than the tries under way take: waiting gets would not learn of it. */
  #wakeGets(): void {
    let left = this.#buffer.length - this.#next - this.#tries;
    for (const waiter of this.#waitingGets) {
      if (left <= 0) return;
      left -= 1;
      this.#place.runtime.room.notify(waiter);
    }
  }

  #wakeAll(): void {
    this.#whenHeard?.(undefined);
    for (const waiter of this.#waitingGets) this.#place.runtime.room.notify(waiter);
  }

  /** The next batch is what was asked for in the time that a batch should last, and at most twice the last one. */
  #adapt(): void {
    const now = performance.now();
    const pace = (this.#handed - this.#handedAtFetch) / Math.max(0.01, now - this.#fetchedAt);
    this.#fetchedAt = now;
    this.#handedAtFetch = this.#handed;
    const lasting = Math.max(BATCH_TIME, BATCH_ROUNDS * this.#roundTrip.typical);
    const wanted = Math.min(this.#mostAtOnce, this.#want * 2, Math.floor(pace * lasting));
    this.#want = this.#options.mayPrefetch && !this.#isSorted ? Math.max(1, wanted) : 1;
  }

  get #mostAtOnce(): number {
    return Math.max(1, Math.min(BATCH_ITEMS, Math.floor(BATCH_TEXT / this.#meanLength)));
  }

  #empty(): void {
    // Nothing waits for it any more: what is left is to forget what was handed out.
    this.#idle?.unref();
    this.#buffer = [];
    this.#next = 0;
  }

  /** Commits what will be asked for until after the next commit is answered. */
  #commitAhead(): Promise<void> | undefined {
    const now = performance.now();
    const pace = (this.#handed - this.#handedThen) / Math.max(0.01, now - this.#aheadSince);
    const lasting = Math.max(AHEAD, this.#roundTrip.typical);
    this.#ahead = Math.max(1, Math.min(MOST_AHEAD, Math.ceil(pace * lasting)));
    const target = Math.min(this.#taken, this.#handed + 2 * this.#ahead);
    if (target <= this.#requested) return this.#commit;
    this.#requested = target;
    this.#aheadSince = now;
    this.#handedThen = this.#handed;
    const place = this.#place;
    const era = this.#era;
    const commit = commitItems
      .run(
        place.runtime.client,
        [place.key("consumers"), this.#claim],
        [this.#name, this.#handed, target, place.runtime.keys.prefix, place.queue],
      )
      .then(
        ({ is, committed }) => {
          if (era !== this.#era) return;
          this.#confirm(committed);
          if (is === "committed") return;
          // What a fetch under way brings is numbered as before, and it finds out by itself whether that still holds.
          if (this.#fetch) this.#requested = this.#committed;
          else this.#lose(this.#committed);
        },
        (error: unknown) => {
          if (era === this.#era) this.#requested = this.#committed;
          throw error;
        },
      )
      .finally(() => {
        if (this.#commit === commit) this.#commit = undefined;
      });
    // A get that waits for it is told when it fails; it is tried again by the next one.
    commit.catch(() => {});
    this.#commit = commit;
    return commit;
  }

  /** Redis counts the items before this number as handed out here. */
  #confirm(committed: number): void {
    this.#committed = Math.min(this.#taken, Math.max(this.#committed, committed));
  }

  /** Looks every now and then whether anything was asked for since the last look. */
  #lookIdle(): void {
    const handed = this.#handed;
    const timer = setTimeout(
      () => {
        // Once more round: what asks for the next item may be late because this process was.
        setImmediate(() => {
          if (this.#idle !== timer) return;
          this.#idle = undefined;
          if (handed !== this.#handed || this.#isWanted) this.#lookIdle();
          else if (this.#reader && this.#gets > 0) this.#acknowledge();
          else void this.#giveBack({ isLeaving: false })?.catch(() => {});
        });
      },
      Math.max(IDLE, IDLE_ROUNDS * this.#roundTrip.typical),
    );
    this.#idle = timer;
    if (this.#next >= this.#buffer.length) timer.unref();
  }

  /** A get has waited for long: Redis may forget what was handed out before. */
  #acknowledge(): void {
    if (this.#reader?.standsAt(this.#handed)) return;
    this.#startFetch(null).catch(() => {});
  }

  /** Whether a get takes what is here, or Redis has been asked for more. */
  get #isWanted(): boolean {
    return this.#fetch !== undefined || (this.#gets > 0 && this.#next < this.#buffer.length);
  }

  /**
   * Gives back what was not handed out; only while nothing is fetched. All that it acts on is looked at in the step in
   * which it is sent.
   */
  #giveBack({ isLeaving }: { isLeaving: boolean }): Promise<void> | undefined {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#dismissReader();
    const from = this.#handed;
    const former = this.#former.filter(({ until }) => until > from);
    this.#former = [];
    if (!this.#hasClaim && former.length === 0) return undefined;
    if (this.#options.isLeased && from === this.#taken && !isLeaving) return undefined;
    // The last ones first, because each goes to the front.
    const names = [...former.map(({ name }) => name), ...(this.#hasClaim ? [this.#name] : [])].reverse();
    if (!this.#options.isLeased) this.#hasClaim = false;
    this.#era += 1;
    this.#empty();
    this.#taken = from;
    this.#committed = this.#requested = Math.min(this.#committed, from);
    const returned = Promise.all(names.map((name) => this.#return(name, { from, isLeaving }))).then(() => {});
    const fetch = returned.finally(() => {
      if (this.#fetch === fetch) this.#fetch = undefined;
    });
    this.#fetch = fetch;
    return fetch;
  }

  async #return(name: string, { from, isLeaving }: { from: number; isLeaving: boolean }): Promise<void> {
    const { runtime, queue } = this.#place;
    const keys = [this.#place.key("consumers"), this.#place.claimOf(name)];
    await returnItems.run(runtime.client, keys, [runtime.keys.prefix, queue, name, from, isLeaving ? 1 : 0]);
  }

  /** Others may have what this process had claimed, from this number on. */
  #lose(from: number): void {
    this.#dismissReader();
    this.#era += 1;
    this.#hasClaim = false;
    if (from > this.#handed) this.#former.push({ name: this.#name, until: from });
    this.#name = this.#nextName();
    this.#buffer = this.#buffer.slice(this.#next, this.#next + from - this.#handed);
    this.#next = 0;
    this.#taken = this.#committed = this.#requested = from;
  }

  /** A failover may have lost that items went back: no consumer would get them while this session lives. */
  #returnAgain(): void {
    if (this.#fetch !== undefined || this.#gets > 0 || this.#taken === 0) return;
    this.#hasClaim = true;
    this.#giveBack({ isLeaving: false })?.catch(() => {});
  }

  /** Makes Redis agree: counts what was done here and lost there; what Redis no longer leases to it is lost here. */
  #compare(): void {
    if (!this.#hasClaim && this.#givenUp.length === 0) return;
    // What is under way changes what is compared, at a time that is not known.
    this.#isCompareDue = this.#fetch !== undefined || this.#finishing > 0;
    if (this.#isCompareDue) return;
    this.#comparedAt = performance.now();
    const [era, taken] = [this.#era, this.#taken];
    const place = this.#place;
    const { client, keys } = place.runtime;
    const done = this.#handed - this.#outstanding;
    compareClaim
      .run(
        client,
        [place.key(), place.key("consumers"), place.key("joiners")],
        [keys.prefix, place.queue, this.#name, done, ...this.#givenUp],
      )
      .then((reply) => {
        const isLess = reply.is === "no claim" || reply.end < taken;
        if (era === this.#era && taken > done && isLess) this.forget();
      })
      // It is asked again with a later beat.
      .catch(() => {});
  }

  /** Of a leased queue: others may have what was taken here, done or not. */
  forget(): void {
    const name = this.#name;
    if (this.#hasClaim) this.#givenUp = [...this.#givenUp, name].slice(-GIVEN_UP);
    this.#lose(this.#handed);
    this.#lost += this.#outstanding;
    this.#outstanding = 0;
    // Where only this process' own clock says that the session may have ended, no reaper gives the claim back.
    this.#return(name, { from: 0, isLeaving: true }).catch(() => {});
  }

  #nextName(): string {
    consumers += 1;
    return `${this.#place.session}#${consumers}`;
  }

  /** Its claim in Redis. */
  get #claim(): string {
    return this.#place.claimOf(this.#name);
  }
}
