import { randomBytes } from "node:crypto";
import type { Logger } from "@manyhands/core";
import {
  type ChangeFeed,
  type ChangeFeedOptions,
  EVERYTHING,
  LongTimer,
  type Milliseconds,
  type Pulse,
} from "@manyhands/core/internal";

/** What changed up to an event, for those who know what was before. */
export interface Change {
  /** Of the event: {@link LiveFeed.after} goes on from it. */
  id: string;
  topics: readonly string[];
}

export interface LiveFeedOptions {
  /** Makes the reader of Redis. */
  open: (on: Omit<ChangeFeedOptions, "openBlocking">) => Pick<ChangeFeed, "start" | "stop">;
  logger: Pick<Logger, "warn">;
  /** How long the reader goes on when nobody listens any more, ms: a page that is loaded again goes on where it was. */
  linger?: Milliseconds;
}

const LINGER: Milliseconds = 10_000;
/** Events that a stream which was interrupted can still be told, at three a second. */
const KEPT_EVENTS = 512;
/** Of more pools or hosts than this, a change is one of all of them. */
const MOST_OF_ONE_KIND = 100;

interface Event {
  number: number;
  topics: readonly string[];
}

/**
 * The only reader of changes of a dashboard process, shared by all its streams: it begins with the first one and ends some
 * seconds after the last one. It keeps the last events, so a stream holds nothing but the id of the last event that it was
 * told, and a slow one gets what it missed as one change.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #listeners = new Set<() => void>();
  #reader: Pick<ChangeFeed, "start" | "stop"> | null = null;
  /** Tells the events of this reader from those of another one. */
  #run = "";
  #events: Event[] = [];
  #number = 0;
  #pulse: Pulse | null = null;
  #linger: LongTimer | null = null;
  #isStopped = false;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** Whether Redis answers; null before the first look. */
  get pulse(): Pulse | null {
    return this.#pulse;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Id of the last event; null while nobody listens. */
  get lastId(): string | null {
    return this.#reader && `${this.#run}-${this.#number}`;
  }

  /**
   * Calls `listener` after each event and each pulse.
   * @returns ends that
   */
  listen(listener: () => void): () => void {
    this.#linger?.clear();
    this.#linger = null;
    this.#listeners.add(listener);
    if (!this.#reader && !this.#isStopped) this.#begin();
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0 || this.#isStopped) return;
      this.#linger?.clear();
      this.#linger = new LongTimer(this.#options.linger ?? LINGER, () => void this.#end()).unref();
    };
  }

  /** What changed after the event; null = nothing. Of an event that is not known, or too old, everything may have. */
  after(id: string): Change | null {
    const number = this.#numberOf(id);
    const newest: string = this.lastId ?? "";
    const oldest = this.#events[0]?.number ?? this.#number + 1;
    if (number === null || number > this.#number || number < oldest - 1) return { id: newest, topics: [EVERYTHING] };
    const topics = new Set<string>();
    for (const event of this.#events) {
      if (event.number > number) for (const topic of event.topics) topics.add(topic);
    }
    return topics.size === 0 ? null : { id: newest, topics: inShort(topics) };
  }

  /** True when nothing of these topics has changed after the event; false also when that is not known. */
  isUnchanged(id: string, topics: readonly string[]): boolean {
    if (this.#pulse?.redis !== "ok") return false;
    const change = this.after(id);
    return change === null || !change.topics.some((changed) => topics.some((topic) => concerns(changed, topic)));
  }

  /** True for the id of an event of this reader. */
  knows(id: string): boolean {
    return this.#reader !== null && this.#numberOf(id) !== null;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#listeners.clear();
    await this.#end();
  }

  #begin(): void {
    this.#run = randomBytes(6).toString("hex");
    this.#number = 0;
    this.#events = [];
    this.#pulse = null;
    this.#reader = this.#options.open({
      logger: this.#options.logger,
      onChange: (topics) => this.#changed(topics),
      onPulse: (pulse) => {
        this.#pulse = pulse;
        this.#wake();
      },
    });
    this.#reader.start();
  }

  async #end(): Promise<void> {
    this.#linger?.clear();
    this.#linger = null;
    const reader = this.#reader;
    this.#reader = null;
    this.#events = [];
    await reader?.stop();
  }

  #changed(topics: readonly string[]): void {
    this.#number += 1;
    this.#events.push({ number: this.#number, topics: inShort(new Set(topics)) });
    if (this.#events.length > KEPT_EVENTS) this.#events.shift();
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }

  #numberOf(id: string): number | null {
    const [run, number] = id.split("-");
    return run === this.#run && number !== undefined && /^\d{1,15}$/.test(number) ? Number(number) : null;
  }
}

/** `pools` concerns `pools/mail`, which concerns `pools`; `*` concerns everything. */
function concerns(changed: string, topic: string): boolean {
  return (
    changed === topic || changed === EVERYTHING || changed.startsWith(`${topic}/`) || topic.startsWith(`${changed}/`)
  );
}

/** The same in few words: `pools` for each pool when there are very many. */
function inShort(topics: ReadonlySet<string>): readonly string[] {
  if (topics.has(EVERYTHING)) return [EVERYTHING];
  const kindOf = (topic: string): string => topic.slice(0, topic.indexOf("/") + 1);
  const counts = new Map<string, number>();
  for (const topic of topics) counts.set(kindOf(topic), (counts.get(kindOf(topic)) ?? 0) + 1);
  const isMuch = (topic: string): boolean =>
    topic.includes("/") &&
    (topics.has(kindOf(topic).slice(0, -1)) || (counts.get(kindOf(topic)) ?? 0) > MOST_OF_ONE_KIND);
  return [...new Set([...topics].map((topic) => (isMuch(topic) ? kindOf(topic).slice(0, -1) : topic)))];
}
