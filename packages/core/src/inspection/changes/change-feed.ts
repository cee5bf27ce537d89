import { TimeoutError } from "../../errors/index.ts";
import { closeRedis, type RedisClient } from "../../redis/connection/index.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import { Duty, type Milliseconds, pause, within } from "../../time/index.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import type { InspectorPlace } from "../place.ts";
import { type FleetCounts, lookAround, type Marks } from "./look-around.ts";

/** The topic of everything: what changed is not known. */
export const EVERYTHING = "*";

/** Whether Redis answers, as it was at one moment. */
export interface Pulse {
  /** By the clock of Redis, as far as that is known, ms since the epoch; `since` too. */
  at: number;
  redis: "ok" | { problem: string; since: number; retryIn: Milliseconds };
  /** Of the last look, ms; null = it was not answered. */
  roundTrip: Milliseconds | null;
  /** Null without an answer. */
  counts: FleetCounts | null;
}

export interface ChangeFeedOptions {
  /** Opens a connection for this feed alone: nothing else can use one that blocks. */
  openBlocking: () => RedisClient;
  /**
   * Called at once with the first change, then at most about three times a second with all that changed meanwhile: `tasks`,
   * `pools/<name>`, `pools` (of each of them), `hosts/<id>`, `hosts`, `processes`, `objects`, `overview`, what
   * {@link noteChanges} was given, or {@link EVERYTHING}.
   */
  onChange: (topics: readonly string[]) => void;
  /** Called every {@link PULSE} ms, and when the connection is lost or there again. */
  onPulse: (pulse: Pulse) => void;
  /** Hears of looks that fail though Redis answers. */
  logger: { warn(message: string): void };
}

/** Between two calls of `onChange`, ms. For each pool more is added, so that thousands of busy ones cost no more. */
const GAP: Milliseconds = 350;
const GAP_OF_POOL: Milliseconds = 0.25;
/** Time between two looks that say whether Redis answers, ms. */
const PULSE: Milliseconds = 1_500;
const NO_ANSWER = { roundTrip: null, counts: null };
/** An answer that takes longer counts as none, ms. */
const DEADLINE: Milliseconds = 2_000;
/** One blocking read waits this long, ms; the next follows at once. */
const BLOCK: Milliseconds = 20_000;
/** A blocking read that is so many ms late has lost its connection. */
const SILENCE: Milliseconds = 5_000;
/** Pause after a read that failed, ms. */
const FAILED_PAUSE: Milliseconds = 500;
/** Notes read at once. */
const NOTES = 1_000;

/** Per stream the entries that are newer than asked for; null = none came in time. */
type StreamReply = [key: string, entries: [id: string, fields: string[]][]][] | null;

/** The streams that are read, and the pool that each tells of; the notes are of none. */
type Streams = ReadonlyMap<string, string | null>;

/**
 * Tells what changes in a namespace while somebody watches, and nothing else: no task, lock or host pays for it.
 *
 * - **Tasks.** BullMQ's scripts write an event for each change of a job into a stream of its queue. One blocking read waits for
 *   the streams of all pools at once: while nothing happens, Redis has nothing to do. It reads at most one event of each.
 * - **Pools, hosts, processes.** Scripts that change them write a note into `{ns}/changes`, which is one more of the streams.
 * - **What leaves no trace**, such as the end of a host, is compared every {@link PULSE} ms, with whether Redis answers.
 *
 * Streams are read from a time on, not from an entry on: all that was written before the last reading began is known.
 */
export class ChangeFeed {
  readonly #place: InspectorPlace;
  readonly #options: ChangeFeedOptions;
  readonly #ended = new AbortController();
  readonly #pulses: Duty;
  readonly #isBack = (): void => this.#pulses.soon();
  #blocking: RedisClient | undefined;
  #marks: Marks | null = null;
  /** Since when Redis does not answer, ms since the epoch. */
  #problemSince: number | null = null;
  /** Clock of Redis less that of this program, ms. */
  #clockOffset = 0;
  /** Pools that were there when the streams were listed. */
  #listed = 0;
  /** The streams are to be listed anew. */
  #isStale = true;

  constructor(place: InspectorPlace, options: ChangeFeedOptions) {
    this.#place = place;
    this.#options = options;
    const what = "looking for what has changed";
    this.#pulses = new Duty({ what, interval: PULSE, jitter: 0, logger: options.logger, look: () => this.#pulse() });
  }

  start(): void {
    const { client } = this.#place;
    for (const event of ["close", "ready"]) client.on(event, this.#isBack);
    this.#blocking = this.#options.openBlocking();
    this.#pulses.start();
    void this.#pulses.pass();
    void this.#follow(this.#blocking);
  }

  /** Ends it within the time of one answer; nothing is called after this. */
  async stop(): Promise<void> {
    this.#ended.abort();
    const { client } = this.#place;
    for (const event of ["close", "ready"]) client.off(event, this.#isBack);
    this.#blocking?.disconnect();
    await Promise.all([this.#pulses.stop(), this.#blocking && closeRedis(this.#blocking, 0)]);
  }

  get #isEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  #tell(topics: Iterable<string>): void {
    const all = [...topics];
    if (all.length > 0 && !this.#isEnded) this.#options.onChange(all);
  }

  async #pulse(): Promise<void> {
    const { client, keys, during } = this.#place;
    const begun = performance.now();
    try {
      const reading = during(() => lookAround.run(client, [keys.hosts, keys.objects, keys.processes, keys.pools], []));
      const answer = await within(reading, DEADLINE, { signal: this.#ended.signal, ref: false });
      if (!answer) throw new TimeoutError(`Redis did not answer within ${DEADLINE} ms`);
      const roundTrip = performance.now() - begun;
      const wasLost = this.#problemSince !== null;
      this.#problemSince = null;
      const { marks, time, counts } = answer.value;
      this.#clockOffset = time - Date.now();
      this.#options.onPulse({ at: time, redis: "ok", roundTrip, counts });
      const before = this.#marks;
      this.#marks = marks;
      // It may have lost its data, or another server may have taken over.
      if (wasLost) this.#isStale = true;
      this.#tell(wasLost ? [EVERYTHING] : before === null ? [] : this.#differences(before, marks));
    } catch (error) {
      if (this.#isEnded) return;
      const at = Date.now() + this.#clockOffset;
      this.#problemSince ??= at;
      const problem = error instanceof Error ? error.message : String(error);
      this.#options.onPulse({ at, redis: { problem, since: this.#problemSince, retryIn: PULSE }, ...NO_ANSWER });
    }
  }

  #differences(before: Marks, now: Marks): Set<string> {
    const topics = new Set<string>();
    const add = (...some: string[]): void => some.forEach((topic) => void topics.add(topic));
    if (before.hosts !== now.hosts) add("hosts", "overview");
    if (before.objects !== now.objects) add("objects", "overview");
    if (before.processes !== now.processes) add("processes", "overview");
    // A program of an older version has changed the registry and noted nothing.
    if (before.pools !== now.pools && now.pools !== String(this.#listed)) {
      this.#isStale = true;
      add("pools", "overview");
    }
    return topics;
  }

  /** Reads the streams until it is stopped. */
  async #follow(blocking: RedisClient): Promise<void> {
    let streams: Streams = new Map();
    /** All that was written before is known, by the server's clock, ms since the epoch. */
    let since = 0;
    /** Of streams whose newest known entry is later than that: its id. */
    const known = new Map<string, string>();
    while (!this.#isEnded) {
      try {
        if (this.#isStale) {
          this.#isStale = false;
          if (since === 0) since = await timeAt.run(blocking, [this.#place.keys.changes], []);
          streams = await this.#list(blocking);
        }
        const read = await this.#read(blocking, streams, (key) => later(known.get(key), `${since - 1}-0`));
        since = read.begunAt;
        for (const [key, id] of known) if (Number(id.split("-")[0]) < since - 1) known.delete(key);
        const topics = new Set<string>();
        for (const [key, entries] of read.reply ?? []) {
          const pool = streams.get(key);
          if (pool !== null && pool !== undefined) for (const topic of topicsOf(`pools/${pool}`)) topics.add(topic);
          const last = entries.at(-1)?.[0];
          if (last !== undefined) known.set(key, last);
        }
        for (const note of await this.#notes(blocking, read.reply, known))
          for (const topic of topicsOf(note)) topics.add(topic);
        this.#tell(topics);
        if (topics.size > 0) await this.#rest(Math.max(GAP, streams.size * GAP_OF_POOL));
      } catch (error) {
        if (this.#isEnded) return;
        if (!isWrongType(error) && blocking.status === "ready") {
          this.#options.logger.warn(`reading what has changed failed, trying again: ${(error as Error).message}`);
        }
        this.#isStale = true;
        await this.#rest(FAILED_PAUSE);
      }
    }
  }

  /** Streams of BullMQ's events, of all pools, and the notes; a key of another type is none, and hides no other. */
  async #list(blocking: RedisClient): Promise<Streams> {
    const { keys } = this.#place;
    const pools = await blocking.hkeys(keys.pools).catch((error) => {
      if (!isWrongType(error)) throw error;
      return [];
    });
    this.#listed = pools.length;
    const streams: [string, string | null][] = [
      [keys.changes, null],
      ...pools.map((pool): [string, string] => [keys.queue(pool, "events"), pool]),
    ];
    const types = await typesOf.run(
      blocking,
      streams.map(([key]) => key),
      [],
    );
    return new Map(streams.filter((_, index) => types[index] === "stream" || types[index] === "none"));
  }

  /** One blocking read. @returns what came, and the server's time before it was looked for, ms since the epoch */
  async #read(
    blocking: RedisClient,
    streams: Streams,
    after: (key: string) => string,
  ): Promise<{ reply: StreamReply; begunAt: number }> {
    const names = [...streams.keys()];
    // A connection that died without a word would block without end; a new one asks again.
    const watchdog = setTimeout(() => blocking.disconnect(true), BLOCK + SILENCE).unref();
    try {
      // Sent together, done one after the other.
      const time = timeAt.run(blocking, [this.#place.keys.changes], []);
      const parameters = ["COUNT", 1, "BLOCK", BLOCK, "STREAMS", ...names, ...names.map(after)];
      const [begunAt, reply] = await Promise.all([time, blocking.call("xread", parameters)]);
      return { begunAt, reply: reply as StreamReply };
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** All notes that follow the first one that was read. */
  async #notes(blocking: RedisClient, reply: StreamReply, known: Map<string, string>): Promise<string[]> {
    const { changes } = this.#place.keys;
    const first = reply?.find(([key]) => key === changes)?.[1];
    if (first === undefined) return [];
    const rest = await blocking.xrange(changes, `(${first.at(-1)?.[0]}`, "+", "COUNT", NOTES);
    const last = rest.at(-1)?.[0];
    if (last !== undefined) known.set(changes, last);
    const notes = [...first, ...rest].flatMap(([, [, topic]]) => topic ?? []);
    if (notes.some((topic) => topic.startsWith("pools/"))) this.#isStale = true;
    return notes;
  }

  async #rest(milliseconds: Milliseconds): Promise<void> {
    await pause(milliseconds, { signal: this.#ended.signal, ref: false }).catch(() => {});
  }
}

/** A note, and what else it is about. */
function topicsOf(note: string): string[] {
  if (note.startsWith("pools/")) return [note, "tasks", "overview"];
  if (note.startsWith("hosts/")) return [note, "overview"];
  return note === "processes" ? [note, "overview"] : [note];
}

/** The later of two ids of entries. */
function later(one: string | undefined, other: string): string {
  if (one === undefined) return other;
  const [ms = 0, number = 0] = one.split("-").map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && number > otherNumber) ? one : other;
}

/**
 * KEYS[1] a key of the server that is asked
 * Returns its time, ms since the epoch.
 */
const timeAt = new Script<number>({
  name: "timeAt",
  isMeasured: false,
  lua: `${SERVER_TIME}
return server_time()
`,
});

/**
 * KEYS any keys
 * Returns the type of each, "none" where there is none.
 */
const typesOf = new Script<string[]>({
  name: "typesOf",
  lua: `
local types = {}
for position, key in ipairs(KEYS) do types[position] = redis.call("TYPE", key).ok end
return types
`,
});
