import {
  backOff,
  LongTimer,
  type Milliseconds,
  pause,
  type RedisClient,
  Script,
  settledWithin,
  unlessAborted,
} from "@manyhands/core/internal";
import type { HostSlots } from "../slots/host-slots.ts";
import type { OfferedSlot } from "../slots/offered-slot.ts";
import type { Marker } from "./marker-wait.ts";
import type { AssignedJob, SlotOffers } from "./slot-offers.ts";

/** What came of a look for a job. */
export interface Fetched {
  /** A job was taken and runs. */
  took: boolean;
  /** The slot that was offered may still be: it was assigned meanwhile, or Redis did not answer. */
  isKept?: boolean;
  /** After one was taken: whether others wait behind it; else BullMQ announces the next one. Never rejects. */
  more?: Promise<boolean>;
  /** When to look again without being called, epoch ms; Infinity = not before. */
  lookAt: number;
}

/** A queue of BullMQ that the host serves, as the fetcher sees it. */
export interface FetchedQueue {
  /** Name of the queue. */
  readonly name: string;
  /** Key of the sorted set with which BullMQ announces work. */
  readonly markerKey: string;
  readonly slots: HostSlots;
  /** Whether its jobs could run here, apart from slots and its cap. */
  readonly isReady: boolean;
  /** Whether its cap on this host leaves room for one more. */
  readonly hasRoom: boolean;
  /**
   * Takes a job, with a slot that is taken for it, and starts it; the queue releases the slot of what it took. Never rejects.
   * @param offered - The slot is offered; its offer is withdrawn in the same step.
   */
  fetch(offered?: OfferedSlot): Promise<Fetched>;
  /** Whether its jobs can be assigned to this host: they run in the slots that are offered. */
  readonly isAssignable: boolean;
  /** It has limits of its own: none of its jobs is assigned to this host. */
  readonly isLimited?: boolean;
  /** Starts a job that was assigned to this host, in a slot that is taken for it. Never rejects. */
  assign(job: AssignedJob): void;
  /** Tells the other hosts of work that waits; `isDue`: also of work that is about to be put in line, because its time has come. */
  announce(isDue: boolean): void;
}

export interface FetcherOptions {
  client: RedisClient;
  /** Waits for the next marker of these keys. */
  wait: {
    next(markers: readonly string[], seconds: number): Promise<Marker | null>;
    wake(): void;
    close(): void;
  };
  /** Offers the slots with which the host waits. */
  offers?: Pick<SlotOffers, "serve" | "offer" | "withdraw" | "takeBack" | "keep"> | undefined;
}

/** Longest wait in one blocking read, seconds. */
const LONGEST_WAIT = 5;
/** While slots are full, other queues are looked at no more often than this, ms; longer by the number of queues. */
const LOOK_INTERVAL: Milliseconds = 4;
const QUEUES_PER_MILLISECOND = 20;
/**
 * Before it waits for the few queues that have slots left, the fetcher waits this long for another slot, ms: one that is about
 * to come back makes that wait needless.
 */
const FULL_PAUSE: Milliseconds = 2;

/** A queue whose markers cannot be waited for is looked at again after this, ms. */
const RETRY: Milliseconds = 1_000;
/** Pauses before the next wait after refused ones, ms. */
const REFUSED = { first: 100, longest: 2_000 };
/** Keys of one look: Lua takes a few thousand arguments. */
const MOST_KEYS = 1_000;

interface Entry {
  readonly queue: FetchedQueue;
  /** How often it was said that there may be work. */
  calls: number;
  /** Since when a look is under way, by the monotonic clock. */
  fetchingSince: number | undefined;
  /** Epoch ms at which to look without being called. */
  lookAt: number;
  /** The key of its markers holds something else. */
  isUnusable: boolean;
  /** The wait under way waits for its markers. */
  isAwaited: boolean;
  /** The queue is no longer served by this entry. */
  isRemoved: boolean;
  /** A look under way has lost its slot. */
  isGivenUp: boolean;
}

/**
 * Brings work to the slots of a host from all its queues, over one blocking connection.
 *
 * - It waits for markers only of queues whose jobs could run now, with a slot for them free, and never while it looks for a
 *   job: so it takes no marker that another host could use and it could not.
 * - A job is taken with a slot in hand. What is known to have work is looked at in turns, so that a queue with many jobs
 *   delays another by no more than one job beside the one that runs. While all slots are full, the others are looked at
 *   when a job ends.
 * - A queue that has work and cannot have a slot here is announced to the other hosts.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #entries = new Map<FetchedQueue, Entry>();
  /** By the key of their markers; also those that were removed while they are waited for. */
  readonly #byMarker = new Map<string, Entry>();
  /** Queues whose jobs can be assigned to this host, by name. */
  readonly #assignable = new Map<string, FetchedQueue>();
  /** May have work, in the order of their turns. */
  readonly #wanted = new Set<Entry>();
  /** Of which a look is under way, up to whether there is more. */
  readonly #fetching = new Set<Entry>();
  /** Whose markers the wait under way waits for. A host serves hundreds of queues: what each call builds of them is garbage. */
  #awaited: readonly Entry[] | undefined;
  #isWaking = false;
  #isOffering = false;
  #changes = Promise.withResolvers<void>();
  #timer: LongTimer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  /** Waits that were refused, in a row. */
  #failures = 0;
  #isStopped = false;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Takes no more; looks that are under way end where they are. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopped.abort();
    this.#timer?.clear();
    this.#changes.resolve();
    this.#options.wait.close();
    await this.#loop;
  }

  /** The queue is served from now on. */
  add(queue: FetchedQueue): void {
    const entry: Entry = {
      queue,
      calls: 0,
      fetchingSince: undefined,
      lookAt: Number.POSITIVE_INFINITY,
      isUnusable: false,
      isAwaited: false,
      isRemoved: false,
      isGivenUp: false,
    };
    this.#entries.set(queue, entry);
    this.#byMarker.set(queue.markerKey, entry);
    if (queue.isAssignable) this.#assignable.set(queue.name, queue);
    this.changed();
  }

  /** The queue is no longer served. A look that is under way keeps its slot, and so does the job that it takes. */
  remove(queue: FetchedQueue): void {
    const entry = this.#entries.get(queue);
    if (!entry) return;
    entry.isRemoved = true;
    this.#entries.delete(queue);
    if (!entry.isAwaited) this.#forgetMarker(entry);
    this.#wanted.delete(entry);
    this.#fetching.delete(entry);
    if (this.#assignable.get(queue.name) === queue) {
      this.#assignable.delete(queue.name);
      this.#options.offers?.serve(queue.name, false);
    }
    this.changed();
  }

  /** The queue is no longer served. A look that is under way may never end, and loses its slot. */
  giveUp(queue: FetchedQueue): void {
    const entry = this.#entries.get(queue);
    if (!entry) return;
    if (entry.fetchingSince !== undefined) queue.slots.release();
    entry.isGivenUp = true;
    this.remove(queue);
  }

  /** There may be work in the queue. */
  want(queue: FetchedQueue): void {
    const entry = this.#entries.get(queue);
    if (!entry) return;
    this.#want(entry);
    this.changed();
  }

  /**
   * A job of the queue ended and its slot is free again. `mayHaveMore`: nothing has looked for the next one; `lookAt`: when
   * there will be one, as the script said that looked, epoch ms.
   */
  jobEnded(queue: FetchedQueue, { mayHaveMore, lookAt }: { mayHaveMore: boolean; lookAt: number }): void {
    const entry = this.#entries.get(queue);
    if (entry) {
      this.#lookLater(entry, lookAt);
      if (mayHaveMore) this.#want(entry);
    }
    // BullMQ has announced nothing: no host knows of a job that was added while the pool was full.
    if (mayHaveMore && (!entry || !queue.isReady || this.#isWantedBeside(entry))) queue.announce(false);
    this.changed();
  }

  /** There will be something to take of the queue: looks then without being called, epoch ms; Infinity = that is not known. */
  lookLater(queue: FetchedQueue, lookAt: number): void {
    const entry = this.#entries.get(queue);
    if (entry) this.#lookLater(entry, lookAt);
  }

  /** Starts a job that was assigned to this host, in a slot that is taken for it. @returns false when its queue is not served */
  assigned(job: AssignedJob): boolean {
    const queue = this.#assignable.get(job.pool);
    queue?.assign(job);
    return queue !== undefined;
  }

  /** Slots, readiness, or caps have changed. */
  changed(): void {
    this.#changes.resolve();
    if (this.#awaited === undefined || this.#isWaking) return;
    if (!this.#hasStartable() && this.#isWaitRight(this.#awaited)) {
      // What has come free is offered, too.
      if (this.#isOffering) this.#options.offers?.offer();
      return;
    }
    this.#isWaking = true;
    this.#options.wait.wake();
  }

  /** Whether a job of the queue that ends may be followed by another one of it at once. */
  mayFollow(queue: FetchedQueue): boolean {
    const entry = this.#entries.get(queue);
    // A slot that there is no more takes no further job.
    const hasSlot = queue.slots.idle >= 0;
    return !this.#isStopped && entry !== undefined && queue.isReady && hasSlot && !this.#isWantedBeside(entry);
  }

  /** Looks whether other queues have work, if that was not done lately: before a job ends while no slot is free. */
  async lookAround(queue: FetchedQueue): Promise<void> {
    if (queue.slots.idle > 0 || this.#entries.size < 2) return;
    const interval = Math.max(LOOK_INTERVAL, this.#entries.size / QUEUES_PER_MILLISECOND);
    if (performance.now() - this.#lookedAt < interval) return;
    // One of the slots is about to be used, or free again.
    if (this.#fetching.size > 0) return;
    this.#looking ??= this.#look(queue.slots).finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** For how long a look of the queue for a job has been under way, ms; 0 = none is. */
  fetchingFor(queue: FetchedQueue): Milliseconds {
    const since = this.#entries.get(queue)?.fetchingSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#changes = Promise.withResolvers();
      this.#startFetches();
      if (this.#options.offers && this.#hasStartable()) {
        this.#isOffering = false;
        await unlessAborted(this.#options.offers.withdraw(), this.#stopped.signal);
        continue;
      }
      this.#offer();
      const listening = this.#fetching.size > 0 ? [] : this.#listening();
      if (listening.length === 0) {
        await this.#changes.promise;
        continue;
      }
      // Where slots are offered, what is assigned must be heard.
      if (this.#isFull() && !this.#isOffering && (await settledWithin(this.#changes.promise, FULL_PAUSE))) continue;
      await this.#listen(listening);
    }
  }

  /** What is free is offered while the host waits; what is needed for work that is known is taken back before. */
  #offer(): void {
    const { offers } = this.#options;
    if (!offers || this.#fetching.size > 0) return;
    this.#isOffering = false;
    for (const queue of this.#assignable.values()) {
      const isReady = queue.isReady && !queue.isLimited;
      this.#isOffering ||= isReady;
      offers.serve(queue.name, isReady);
    }
    if (this.#isOffering) offers.offer();
    else void offers.withdraw();
  }

  async #listen(listening: readonly Entry[]): Promise<void> {
    this.#awaited = listening;
    for (const entry of listening) entry.isAwaited = true;
    let marker: Marker | null = null;
    let failure: Error | undefined;
    try {
      const markers = rotated(listening).map(({ queue }) => queue.markerKey);
      marker = await this.#options.wait.next(markers, LONGEST_WAIT);
      this.#failures = 0;
    } catch (error) {
      failure = error as Error;
    }
    this.#awaited = undefined;
    this.#isWaking = false;
    for (const entry of listening) entry.isAwaited = false;
    if (marker) this.#heard(marker);
    for (const entry of listening) if (entry.isRemoved) this.#forgetMarker(entry);
    if (failure) await this.#failed(failure, listening);
  }

  /** A key of another type fails the wait of all: its queue is looked at by itself, and the others go on. */
  async #failed(failure: Error, listening: readonly Entry[]): Promise<void> {
    if (/^WRONGTYPE/.test(failure.message)) {
      for (const entry of await this.#findUnusable(listening)) {
        entry.isUnusable = true;
        this.#lookLater(entry, Date.now() + RETRY);
      }
      if (listening.some(({ isUnusable }) => isUnusable)) return;
    }
    // A refusal of Redis: the host also learns of it on its other connection.
    this.#failures += 1;
    await pause(backOff(this.#failures, REFUSED));
  }

  async #findUnusable(entries: readonly Entry[]): Promise<Entry[]> {
    const { client } = this.#options;
    const types = await Promise.all(entries.map(({ queue }) => client.type(queue.markerKey))).catch(() => []);
    return entries.filter((_, index) => !["zset", "none", undefined].includes(types[index]));
  }

  #want(entry: Entry): void {
    entry.calls += 1;
    this.#wanted.add(entry);
  }

  #heard({ key, due }: Marker): void {
    // A host that wakes this one for a queue does not know which ones it listens to.
    const entry = this.#byMarker.get(key);
    if (!entry) return;
    // What it announces is for others: meanwhile its jobs cannot run here, or are no longer served.
    if (entry.isRemoved || !entry.queue.isReady) entry.queue.announce(due > Date.now());
    if (entry.isRemoved) return;
    if (due <= Date.now()) this.#want(entry);
    else this.#lookLater(entry, due);
  }

  #forgetMarker(entry: Entry): void {
    const { markerKey } = entry.queue;
    if (this.#byMarker.get(markerKey) === entry) this.#byMarker.delete(markerKey);
  }

  #startFetches(): void {
    for (const entry of [...this.#wanted]) {
      if (!isStartable(entry)) continue;
      const offered = entry.queue.slots.tryTake() ? undefined : this.#takeBack(entry);
      if (offered === null) continue;
      // Its next turn comes after those of all others.
      this.#wanted.delete(entry);
      this.#wanted.add(entry);
      void this.#fetch(entry, offered);
    }
  }

  /** A slot that is offered, for a look; null = there is none. */
  #takeBack({ queue }: Entry): OfferedSlot | null {
    // Those of processes are not offered.
    return (queue.isAssignable ? this.#options.offers?.takeBack() : undefined) ?? null;
  }

  async #fetch(entry: Entry, offered: OfferedSlot | undefined): Promise<void> {
    this.#fetching.add(entry);
    entry.fetchingSince = performance.now();
    const { took, isKept, more, lookAt } = await entry.queue.fetch(offered);
    entry.fetchingSince = undefined;
    if (!took && !entry.isGivenUp) entry.queue.slots.release();
    if (offered && isKept) await this.#options.offers?.keep(offered);
    if (entry.isRemoved) return this.changed();
    this.#lookLater(entry, lookAt);
    // Told to look again meanwhile, it has its turn.
    const turn = entry.calls;
    const mayHaveMore = took && (await more) !== false;
    if (!mayHaveMore && entry.calls === turn) this.#wanted.delete(entry);
    this.#fetching.delete(entry);
    this.changed();
  }

  /** Queues whose markers could be used now. */
  #listening(): Entry[] {
    const listening: Entry[] = [];
    for (const entry of this.#entries.values()) if (this.#isUsable(entry)) listening.push(entry);
    return listening;
  }

  #isUsable(entry: Entry): boolean {
    const { queue } = entry;
    return !entry.isUnusable && !this.#wanted.has(entry) && queue.slots.idle > 0 && queue.isReady;
  }

  /** Whether the wait under way is for the markers that could be used now. */
  #isWaitRight(awaited: readonly Entry[]): boolean {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (!this.#isUsable(entry)) continue;
      if (!entry.isAwaited) return false;
      count += 1;
    }
    return count === awaited.length;
  }

  /** Some of the slots are all taken. */
  #isFull(): boolean {
    for (const { queue } of this.#entries.values()) if (queue.slots.idle <= 0) return true;
    return false;
  }

  #hasStartable(): boolean {
    for (const entry of this.#wanted) if (isStartable(entry)) return true;
    return false;
  }

  #isWantedBeside(entry: Entry): boolean {
    for (const other of this.#wanted) {
      if (other !== entry && other.queue.slots === entry.queue.slots && couldRun(other)) return true;
    }
    return false;
  }

  async #look(slots: HostSlots): Promise<void> {
    this.#lookedAt = performance.now();
    const others = [...this.#entries.values()].filter(
      (entry) => entry.queue.slots === slots && entry.queue.isReady && !this.#wanted.has(entry),
    );
    if (others.length === 0) return;
    const parts = Array.from({ length: Math.ceil(others.length / MOST_KEYS) }, (_, part) =>
      others.slice(part * MOST_KEYS, (part + 1) * MOST_KEYS),
    );
    await Promise.all(parts.map((part) => this.#lookAt(part)));
  }

  async #lookAt(entries: readonly Entry[]): Promise<void> {
    const keys = entries.map(({ queue }) => queue.markerKey);
    const marked = await findMarked.run(this.#options.client, keys, [Date.now()]).catch(() => []);
    for (const index of marked) {
      const entry = entries[index];
      if (entry && !entry.isRemoved) this.#want(entry);
    }
    if (marked.length > 0) this.changed();
  }

  /** A look that is earlier than it need be finds nothing, and says when to look again. */
  #lookLater(entry: Entry, lookAt: number): void {
    entry.lookAt = Math.min(entry.lookAt, lookAt);
    if (lookAt >= this.#timerAt) return;
    this.#timer?.clear();
    this.#timerAt = lookAt;
    this.#timer = new LongTimer(Math.max(1, lookAt - Date.now()), () => this.#timeIsDue());
  }

  #timeIsDue(): void {
    const now = Date.now();
    this.#timerAt = Number.POSITIVE_INFINITY;
    let next: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.lookAt <= now) {
        entry.lookAt = Number.POSITIVE_INFINITY;
        entry.isUnusable = false;
        this.#want(entry);
        // What became due is known here alone: its marker was taken.
        if (!isStartable(entry)) entry.queue.announce(true);
      } else if (entry.lookAt < (next?.lookAt ?? Number.POSITIVE_INFINITY)) next = entry;
    }
    if (next) this.#lookLater(next, next.lookAt);
    this.changed();
  }
}

function couldRun({ queue, fetchingSince }: Entry): boolean {
  return fetchingSince === undefined && queue.isReady && queue.hasRoom;
}

function isStartable(entry: Entry): boolean {
  return entry.queue.slots.idle > 0 && couldRun(entry);
}

/** Redis serves the first key that has something. */
function rotated<Item>(items: readonly Item[]): Item[] {
  const first = Math.floor(Math.random() * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

/**
 * KEYS sorted sets of markers
 * ARGV[1] now, epoch ms of the host
 * Takes nothing. Returns the places, from 0, of those that announce work that can be had now.
 */
const findMarked = new Script<number[]>({
  name: "findMarked",
  lua: `
local marked = {}
if redis.call("EXISTS", unpack(KEYS)) == 0 then return marked end
for index, key in ipairs(KEYS) do
  local first = redis.pcall("ZRANGE", key, 0, 0, "WITHSCORES")
  if first[2] and tonumber(first[2]) <= tonumber(ARGV[1]) then marked[#marked + 1] = index - 1 end
end
return marked
`,
});
