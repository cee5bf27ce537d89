import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";
import type { HostRecord, PoolRecord } from "../../wire/records/records.ts";
import { isWrongType, readHostRecord, readPoolRecord } from "../../wire/records/stored-record.ts";
import { hostOf } from "../../wire/records/worker-name.ts";
import { slotsOf } from "../../work/fleet/index.ts";
import { describeFailure } from "./error-view.ts";
import { type OldestHeldBack, readOldestHeldBack } from "./oldest-held-back.ts";
import { type JobCounts, jobCounts, LISTS, longerOf, SETS } from "./pool-counts.ts";

/** A pool at a glance. */
export interface PoolGlance {
  name: string;
  state: PoolRecord["state"];
  paused: boolean;
  /** Most at once over all hosts; null = as many as there are slots. */
  size: number | null;
  jobs: JobCounts;
  /** Tasks that ended well in the last seconds, per second; so far as they are kept. */
  completedPerSecond: number;
  /** Tasks that failed in the last seconds, per second; so far as they are kept. */
  failedPerSecond: number;
  /** Age of the oldest of the tasks that wait: first in their line, for a host, or held back by a limit; null when none waits. */
  oldestWaiting: Milliseconds | null;
  /** Age of the oldest of the tasks that are first in their line; null when none is in line. */
  oldestInLine: Milliseconds | null;
  /** Task of the one that is next in line; null when none waits. */
  nextTask: string | null;
  /** Name and message of the error that it failed with; null when it has not failed. */
  failure: string | null;
  /** Live hosts that take work of it, and their slots. */
  hosts: number;
  slots: number;
}

/** A live host at a glance. */
export interface HostGlance extends HostRecord {
  /** Jobs that it finished between its last two heartbeats, per second; null before there are two. */
  finishedPerSecond: number | null;
}

/** A task that failed a short while ago. */
export interface RecentFailure {
  id: string;
  task: string;
  pool: string;
  host: string | null;
  /** The message of its error. */
  reason: string;
  attemptsMade: number;
  /** Epoch ms. */
  finishedAt: number;
}

/** One look at a namespace. */
export interface Overview {
  /** Server time, epoch ms. */
  at: number;
  /** By name. */
  pools: PoolGlance[];
  /** By name. */
  hosts: HostGlance[];
  /** Ids of hosts that are still listed though their heartbeat has expired: they were lost. A host that ends leaves the list. */
  lostHosts: string[];
  /** The newest first. */
  failures: RecentFailure[];
  /** What this look cost. */
  cost: { roundTrips: number; commands: number };
}

/** Pools counted in one look; of more of them the rest have the figures of the looks before. */
const POOLS_PER_LOOK = 250;
/** Hosts read in one look; the rest have what they said in the looks before. */
const HOSTS_PER_LOOK = 100;
/** Rates are counted over this time, ms. */
const WINDOW = 5_000;
/** Newest failures of each pool that are asked for, and of all that are told. */
const FAILURES_PER_POOL = 10;
const FAILURES = 50;

interface Head {
  id: string;
  task: string | null;
  /** Epoch ms. */
  submittedAt: number | null;
}

interface PoolFigures {
  paused: boolean;
  jobs: JobCounts;
  finished: { completed: number; failed: number };
  headIds: string[];
  failed: { id: string; finishedAt: number }[];
}

interface HostFigures {
  record: HostRecord;
  finishedPerSecond: number | null;
}

/**
 * Looks at all pools and hosts of a namespace again and again, for a screen that stays. A look is one batch of commands,
 * with a second, smaller one when there are new failures or other tasks are first in line; and once more when there are new
 * pools or hosts. All are bounded, however many pools, hosts and tasks there are: of very many each look reads a part, in
 * turn. It writes nothing.
 */
export class OverviewReader {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  #hostIds: string[] = [];
  #poolNames: string[] = [];
  /** Server time less our own, ms. */
  #clockOffset = 0;
  #nextPool = 0;
  #nextHost = 0;
  readonly #records = new Map<string, PoolRecord>();
  readonly #figures = new Map<string, PoolFigures>();
  readonly #hosts = new Map<string, HostFigures>();
  readonly #lostHosts = new Set<string>();
  /** By pool: when the tasks that are first in line were submitted. */
  #heads = new Map<string, Head[]>();
  /** By pool: when the tasks that wait outside of its line were submitted. */
  readonly #heldBack = new Map<string, OldestHeldBack>();
  /** Pools whose figures the last look has read. */
  #looked: readonly string[] = [];
  #failures = new Map<string, RecentFailure | null>();

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  async read(): Promise<Overview> {
    const cost = { roundTrips: 0, commands: 0 };
    // What there is has to be known before it can be counted.
    if (this.#poolNames.length === 0 && this.#hostIds.length === 0) await this.#readNames(cost);
    const known = new Set([...this.#hostIds, ...this.#poolNames]);
    let at = await this.#readFigures(cost);
    // What has come since the last look was not asked for yet.
    if ([...this.#hostIds, ...this.#poolNames].some((name) => !known.has(name))) at = await this.#readFigures(cost);
    await this.#readDetails(cost);
    const hosts = [...this.#hosts.values()]
      .map(({ record, finishedPerSecond }) => ({ ...record, finishedPerSecond }))
      .sort((left, right) => left.name.localeCompare(right.name));
    const pools = [...this.#records.values()]
      .sort((left, right) => left.name.localeCompare(right.name))
      .map((record) => this.#glance(record, hosts, at));
    const lostHosts = [...this.#lostHosts];
    return { at, pools, hosts, lostHosts, failures: this.#newestFailures(), cost };
  }

  async #readNames(cost: Overview["cost"]): Promise<void> {
    const batch = new Batch(this.#client);
    const names = this.#askNames(batch);
    await batch.run(cost);
    names();
  }

  /** @returns takes the answers in, once they are there */
  #askNames(batch: Batch): () => number {
    const time = batch.ask<[string, string]>((pipeline) => pipeline.time());
    const ids = batch.ask<string[]>((pipeline) => pipeline.zrange(this.#keys.hosts, 0, "-1"));
    const texts = batch.ask<Record<string, string>>((pipeline) => pipeline.hgetall(this.#keys.pools));
    return () => {
      const [seconds, micros] = time() ?? ["0", "0"];
      const at = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
      this.#clockOffset = at - Date.now();
      this.#hostIds = ids() ?? [];
      this.#takeRecords(texts() ?? {});
      return at;
    };
  }

  #takeRecords(texts: Record<string, string>): void {
    this.#records.clear();
    for (const [name, text] of Object.entries(texts)) {
      const reading = readPoolRecord(name, text);
      if ("record" in reading) this.#records.set(name, reading.record);
    }
    this.#poolNames = [...this.#records.keys()].sort();
    for (const map of [this.#figures, this.#heads, this.#heldBack]) {
      for (const name of map.keys()) if (!this.#records.has(name)) map.delete(name);
    }
  }

  async #readFigures(cost: Overview["cost"]): Promise<number> {
    const batch = new Batch(this.#client);
    const pools = turn(this.#poolNames, this.#nextPool, POOLS_PER_LOOK);
    this.#nextPool += pools.length;
    this.#looked = pools;
    const hosts = turn(this.#hostIds, this.#nextHost, HOSTS_PER_LOOK);
    this.#nextHost += hosts.length;
    const names = this.#askNames(batch);
    const records =
      hosts.length === 0
        ? () => []
        : batch.ask<(string | null)[]>((pipeline) => pipeline.mget(hosts.map((id) => this.#keys.host(id))));
    const since = Date.now() + this.#clockOffset - WINDOW;
    const figures = pools.map((pool) => ({ pool, answer: this.#askFigures(batch, pool, since) }));
    await batch.run(cost);
    const at = names();
    this.#takeHosts(hosts, records() ?? []);
    for (const { pool, answer } of figures) if (this.#records.has(pool)) this.#figures.set(pool, answer());
    return at;
  }

  #askFigures(batch: Batch, pool: string, since: number): () => PoolFigures {
    const key = (part: QueuePart): string => this.#keys.queue(pool, part);
    const paused = batch.ask<string>((pipeline) => pipeline.hget(key("meta"), "paused"));
    const lengths = new Map<QueuePart, () => number | null>();
    for (const list of LISTS)
      lengths.set(
        list,
        batch.ask((pipeline) => pipeline.llen(key(list))),
      );
    for (const set of SETS)
      lengths.set(
        set,
        batch.ask((pipeline) => pipeline.zcard(key(set))),
      );
    // BullMQ has the cancelled ones among those that failed.
    const cancelled = batch.ask<number>((pipeline) => pipeline.zcard(this.#keys.cancelled(pool)));
    const limited = batch.ask<string>((pipeline) => pipeline.hget(this.#keys.limits(pool), "gated"));
    const finished = [key("completed"), key("failed"), this.#keys.cancelled(pool)].map((set) =>
      batch.ask<number>((pipeline) => pipeline.zcount(set, since, "+inf")),
    );
    // BullMQ adds to a list at the left and takes from it at the right.
    const heads = [
      batch.ask<string>((pipeline) => pipeline.lindex(key("wait"), -1)),
      batch.ask<string>((pipeline) => pipeline.lindex(key("paused"), -1)),
      batch.ask<string[]>((pipeline) => pipeline.zrange(key("prioritized"), 0, "0")),
    ];
    const failed = batch.ask<string[]>((pipeline) =>
      pipeline.zrange(key("failed"), 0, String(FAILURES_PER_POOL - 1), "REV", "WITHSCORES"),
    );
    return () => {
      const [lately = 0, failedLately = 0, cancelledLately = 0] = finished.map((answer) => answer() ?? 0);
      return {
        paused: paused() !== null,
        jobs: jobCounts((part) => lengths.get(part)?.() ?? 0, {
          cancelled: cancelled() ?? 0,
          limited: Number(limited() ?? 0),
        }),
        finished: { completed: lately, failed: Math.max(0, failedLately - cancelledLately) },
        headIds: heads.flatMap((answer) => answer() ?? []),
        failed: pairs(failed() ?? []),
      };
    };
  }

  #takeHosts(ids: readonly string[], texts: readonly (string | null)[]): void {
    for (const [index, id] of ids.entries()) {
      const text = texts[index];
      const reading = text === null || text === undefined ? undefined : readHostRecord(id, text);
      // The heartbeat has expired, or nothing here can read it.
      if (!reading || !("record" in reading)) {
        this.#hosts.delete(id);
        if (text === null) this.#lostHosts.add(id);
        continue;
      }
      const { record } = reading;
      this.#lostHosts.delete(id);
      const before = this.#hosts.get(id);
      this.#hosts.set(id, { record, finishedPerSecond: rateBetween(before, record) });
    }
    for (const known of [this.#hosts, this.#lostHosts]) {
      for (const id of known.keys()) if (!this.#hostIds.includes(id)) known.delete(id);
    }
  }

  /** What the figures name and is not known yet. What is known of a task that waits or has failed changes no more. */
  async #readDetails(cost: Overview["cost"]): Promise<void> {
    const batch = new Batch(this.#client);
    const heads = this.#askHeads(batch);
    const failures = this.#askFailures(batch);
    const delayed = this.#looked.filter((pool) => (this.#figures.get(pool)?.jobs.delayed ?? 0) > 0);
    const isAsked = batch.size > 0;
    // At the same time.
    await Promise.all([isAsked && batch.run(cost), this.#readHeldBack(delayed)]);
    if (delayed.length > 0) cost.commands += 1;
    if (delayed.length > 0 && !isAsked) cost.roundTrips += 1;
    heads();
    failures();
  }

  async #readHeldBack(delayed: readonly string[]): Promise<void> {
    const found = await readOldestHeldBack(this.#client, this.#keys, delayed);
    for (const pool of this.#looked) this.#heldBack.delete(pool);
    for (const [pool, oldest] of found) this.#heldBack.set(pool, oldest);
  }

  #askHeads(batch: Batch): () => void {
    const wanted = new Map<string, (() => Head)[]>();
    for (const [pool, { headIds }] of this.#figures) {
      const known = new Map(this.#heads.get(pool)?.map((head) => [head.id, head]));
      const asked = headIds.map((id) => {
        const head = known.get(id);
        if (head !== undefined) return () => head;
        const key = this.#keys.job(pool, id);
        const answer = batch.ask<(string | null)[]>((pipeline) => pipeline.hmget(key, "timestamp", "name"));
        return (): Head => {
          const [timestamp = null, task = null] = answer() ?? [];
          return { id, task, submittedAt: numberOrNull(timestamp) };
        };
      });
      wanted.set(pool, asked);
    }
    return () => {
      this.#heads = new Map([...wanted].map(([pool, heads]) => [pool, heads.map((head) => head())]));
    };
  }

  #askFailures(batch: Batch): () => void {
    const newest = [...this.#figures]
      .flatMap(([pool, { failed }]) => failed.map(({ id, finishedAt }) => ({ pool, id, finishedAt })))
      .sort((left, right) => right.finishedAt - left.finishedAt)
      .slice(0, FAILURES);
    const answers = newest.map(({ pool, id, finishedAt }) => {
      const name = `${pool}:${id}:${finishedAt}`;
      const known = this.#failures.get(name);
      if (known !== undefined) return { name, answer: () => known };
      const fields = batch.ask<(string | null)[]>((pipeline) =>
        pipeline.hmget(this.#keys.job(pool, id), "name", "failedReason", "pb", "atm", JOB_ENDED_FIELD),
      );
      return {
        name,
        answer: (): RecentFailure | null => {
          const [task, reason, worker, attemptsMade, ended] = fields() ?? [];
          // Removed since it was listed, or cancelled: that is no failure.
          if (!task || ended === "cancelled") return null;
          const host = worker ? hostOf(worker) : null;
          return { id, task, pool, host, reason: reason ?? "", attemptsMade: Number(attemptsMade ?? 0), finishedAt };
        },
      };
    });
    return () => {
      this.#failures = new Map(answers.map(({ name, answer }) => [name, answer()]));
    };
  }

  #newestFailures(): RecentFailure[] {
    return [...this.#failures.values()].filter((failure) => failure !== null);
  }

  #glance(record: PoolRecord, hosts: readonly HostRecord[], at: number): PoolGlance {
    const { name, state, size } = record;
    const figures = this.#figures.get(name) ?? NOTHING;
    const heads = this.#heads.get(name) ?? [];
    const inLine = heads.flatMap(({ submittedAt }) => submittedAt ?? []);
    const { unserved = null, limited = null } = this.#heldBack.get(name) ?? {};
    const ages = [...inLine, unserved, limited].map((time) => (time === null ? null : Math.max(0, at - time)));
    return {
      ...{ name, state, size, paused: figures.paused, jobs: figures.jobs },
      completedPerSecond: (figures.finished.completed * 1_000) / WINDOW,
      failedPerSecond: (figures.finished.failed * 1_000) / WINDOW,
      oldestWaiting: ages.reduce(longerOf, null),
      oldestInLine: ages.slice(0, inLine.length).reduce(longerOf, null),
      nextTask: heads[0]?.task ?? null,
      failure: record.failure === null ? null : describeFailure(record.failure),
      hosts: hosts.filter((host) => slotsOf([host], name) > 0).length,
      slots: slotsOf(hosts, name),
    };
  }
}

const NOTHING: PoolFigures = {
  paused: false,
  jobs: jobCounts(() => 0, { cancelled: 0, limited: 0 }),
  finished: { completed: 0, failed: 0 },
  headIds: [],
  failed: [],
};

/** Commands that are sent together; each answer is taken out by the function that asking gave. */
class Batch {
  readonly #pipeline: ReturnType<RedisClient["pipeline"]>;
  #replies: readonly [Error | null, unknown][] = [];
  size = 0;

  constructor(client: RedisClient) {
    this.#pipeline = client.pipeline();
  }

  /** A key of the wrong type answers null, as an absent one, so that it hides no other. */
  ask<Answer>(command: (pipeline: ReturnType<RedisClient["pipeline"]>) => unknown): () => Answer | null {
    const place = this.size;
    this.size += 1;
    command(this.#pipeline);
    return () => {
      const [error = null, value = null] = this.#replies[place] ?? [];
      if (error && !isWrongType(error)) throw error;
      return error ? null : (value as Answer | null);
    };
  }

  async run(cost: Overview["cost"]): Promise<void> {
    cost.roundTrips += 1;
    cost.commands += this.size;
    this.#replies = (await this.#pipeline.exec()) ?? [];
  }
}

/** The next ones of a round. */
function turn(all: readonly string[], next: number, most: number): string[] {
  if (all.length <= most) return [...all];
  const start = next % all.length;
  return [...all.slice(start, start + most), ...all.slice(0, Math.max(0, start + most - all.length))];
}

function rateBetween(before: HostFigures | undefined, record: HostRecord): number | null {
  if (!before) return null;
  const time = record.beatAt - before.record.beatAt;
  // The same heartbeat was read again.
  if (time <= 0) return before.finishedPerSecond;
  const finished = record.completed + record.failed - before.record.completed - before.record.failed;
  return Math.max(0, (finished * 1_000) / time);
}

/** `WITHSCORES`: each id is followed by its score. */
function pairs(replies: readonly string[]): { id: string; finishedAt: number }[] {
  const found: { id: string; finishedAt: number }[] = [];
  for (let index = 0; index + 1 < replies.length; index += 2) {
    found.push({ id: replies[index] as string, finishedAt: Number(replies[index + 1]) });
  }
  return found;
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
