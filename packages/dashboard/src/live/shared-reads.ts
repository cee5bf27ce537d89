import { type Milliseconds, pause } from "@manyhands/core/internal";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { LiveFeed } from "./live-feed.ts";

/** An answer as it is sent. */
export interface SharedAnswer {
  status: ContentfulStatusCode;
  type: string;
  body: string;
}

export interface SharedQuestion {
  /** Requests with the same text have the same answer. */
  key: string;
  /** What the answer tells of. */
  topics: readonly string[];
  /** An answer older than this is not given, ms. */
  maxAge: Milliseconds;
  /** Id of the last event that the visitor was told: they will be told when the answer is out of date. */
  told: string | undefined;
  read: () => Promise<SharedAnswer>;
}

/** One reading, under way or done. */
interface Reading {
  answer: Promise<SharedAnswer>;
  begunAt: Milliseconds;
  /** The last event before it began; null = nobody followed the changes. */
  event: string | null;
  /** Changes made through this dashboard before it began. */
  changes: number;
  /** How long it took, ms; null = it is under way. */
  took: Milliseconds | null;
  isGood: boolean;
  size: number;
}

interface Entry {
  reading: Reading;
  /** The one that begins when the one under way has ended. */
  following: Promise<SharedAnswer> | undefined;
}

/** Answers that are kept: most of them, and bytes of all of them. */
const MOST_ANSWERS = 200;
const MOST_BYTES: number = 32 * 1024 * 1024;
/** A reading may take one part in so many of the time; the next one waits until then, at most {@link LONGEST_REST} ms. */
const SHARE = 4;
const LONGEST_REST: Milliseconds = 1_000;
/** Pages make the same reading at most so often, however many they are, ms; the first one after a change is not delayed. */
const LEAST_REST: Milliseconds = 400;

/**
 * Answers that several visitors share, so that ten tabs cost Redis as much as one.
 *
 * - A page that follows the events (`told`) gets the last answer, done or under way, unless a topic has changed since it began,
 *   something was changed through this dashboard, or it is too old.
 * - Anybody else gets an answer that was read after they asked. Those who ask while one is under way share the next one.
 */
export class SharedReads {
  readonly #feed: LiveFeed;
  /** The one that was asked for last is the last. */
  readonly #entries = new Map<string, Entry>();
  #changes = 0;
  #bytes = 0;

  constructor(feed: LiveFeed) {
    this.#feed = feed;
  }

  /** Something was changed through this dashboard: answers that were read before are out of date. */
  changed(): void {
    this.#changes += 1;
  }

  async answer(question: SharedQuestion): Promise<SharedAnswer> {
    const { key, told } = question;
    const entry = this.#entries.get(key);
    if (!entry) return this.#begin(question);
    const { reading } = entry;
    const follows = told !== undefined && this.#feed.knows(told);
    if (follows && this.#isCurrent(reading, question)) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return reading.answer;
    }
    const rest = follows ? this.#restAfter(reading) : 0;
    if (reading.took !== null && rest <= 0) return this.#begin(question);
    // Of those who ask in the meantime, one reads for all.
    entry.following ??= reading.answer
      .catch(() => {})
      .then(() => pause(Math.max(0, rest)))
      .then(() => this.#begin(question));
    return entry.following;
  }

  #begin({ key, read }: SharedQuestion): Promise<SharedAnswer> {
    const begunAt = performance.now();
    const reading: Reading = {
      answer: read(),
      ...{ begunAt, event: this.#feed.lastId, changes: this.#changes, took: null, isGood: false, size: 0 },
    };
    this.#forget(key);
    this.#entries.set(key, { reading, following: undefined });
    reading.answer = reading.answer.finally(() => {
      reading.took = performance.now() - begunAt;
    });
    reading.answer.then(
      ({ status, body }) => {
        reading.isGood = status === 200;
        // Two bytes a character at most.
        reading.size = body.length * 2;
        if (this.#entries.get(key)?.reading !== reading) return;
        this.#bytes += reading.size;
        this.#trim();
      },
      () => {
        if (this.#entries.get(key)?.reading === reading) this.#forget(key);
      },
    );
    return reading.answer;
  }

  #isCurrent({ event, changes, begunAt, took, isGood }: Reading, { topics, maxAge }: SharedQuestion): boolean {
    if (took !== null && !isGood) return false;
    if (event === null || changes !== this.#changes || performance.now() - begunAt > maxAge) return false;
    return this.#feed.isUnchanged(event, topics);
  }

  #restAfter({ begunAt, took, changes }: Reading): Milliseconds {
    // Who changes something sees it at once.
    if (took === null || changes !== this.#changes) return 0;
    return begunAt + Math.min(LONGEST_REST, Math.max(LEAST_REST, took * SHARE)) - performance.now();
  }

  #trim(): void {
    for (const [key, { reading }] of this.#entries) {
      if (this.#entries.size <= MOST_ANSWERS && this.#bytes <= MOST_BYTES) return;
      if (reading.took !== null) this.#forget(key);
    }
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.reading.size;
  }
}
