import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { isProcessQueue } from "../../wire/records/process-queues.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { type GoneHost, readGoneHosts } from "../../work/fleet/index.ts";
import { HOUR, MINUTE, readErrorGroups } from "../../work/rollups/index.ts";
import { findDeadSessions, ObjectInspector, type ObjectView } from "../objects/index.ts";
import {
  type Overview,
  OverviewReader,
  type PoolGlance,
  readRates,
  type TaskFigures,
  type TaskRates,
} from "../work/index.ts";
import { failingTasks, failureFinding } from "./failure-findings.ts";
import type { AttentionFinding, FindingLevel } from "./finding.ts";
import { hostFindings, poolFinding, unservedFindings } from "./fleet-findings.ts";
import { readParked } from "./parked-tasks.ts";
import { redisFindings } from "./redis-findings.ts";
import { scheduleFindings } from "./schedule-findings.ts";
import { type MetDeadlocks, waitFindings, waitingTasks } from "./wait-findings.ts";

/** Groups of errors looked at, tasks and pools whose figures are read, and objects looked at. */
const MOST_GROUPS = 100;
const MOST_TASKS = 8;
const MOST_POOLS = 8;
const MOST_OBJECTS = 1_000;
/** Ended sessions that are told. */
const MOST_SESSIONS = 20;
/** A task that waits for so long is told, ms. */
const LONG_WAIT: Milliseconds = 60_000;
/** Figures of a pool are of so many minutes; a queue grows by at least so many tasks, and that much faster than it ends. */
const POOL_MINUTES = 15;
const GROWS_BY = 50;
const GROWS_FASTER = 1.2;
/** Redis itself is looked at so often, ms. */
const REDIS_FRESH = 10_000;
/** A host that was lost is told for so long, ms. */
const LOST_TOLD = HOUR;

/** Counts of a namespace. */
export interface FleetFigures {
  hosts: { total: number; states: Record<string, number> };
  running: number;
  slots: number;
  /** Running tasks that wait for a lock, or another object. */
  waitForLocks: number;
  /** All that is due and not started. */
  waiting: number;
  /** Of these, what no live host can start. */
  blocked: number;
  delayed: number;
  oldest: { pool: string; since: number } | null;
  completed: { hour: number; before: number };
  failed: { hour: number; before: number };
  /** Failed for good, as far as they are kept. */
  dead: number;
}

/** What needs somebody, and how much there is. */
export interface Attention {
  /** Server time, epoch ms. */
  at: number;
  /** What needs an operator now first; of a level what began last. */
  findings: AttentionFinding[];
  figures: FleetFigures;
  overview: Overview;
  /** By pool, tasks that no live host knows. */
  parked: ReadonlyMap<string, number>;
  /** By name of a host, its running tasks that wait for a lock, or another object. */
  waitsOnHosts: ReadonlyMap<string, number>;
  /** When there may be more to find although nothing changes, epoch ms. */
  lookAgainAt: number | null;
}

/**
 * Looks for what needs somebody. A look costs a bounded number of commands, however many pools, hosts and tasks there are; it
 * writes nothing. One that looks again knows how long a deadlock lasts, and which hosts were lost.
 */
export class AttentionReader {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #overview: OverviewReader;
  readonly #objects: ObjectInspector;
  readonly #met: MetDeadlocks = new Map();
  readonly #known = new Map<string, HostRecord>();
  readonly #lost = new Map<string, { host: Pick<HostRecord, "id" | "name" | "running">; since: number }>();
  #redis: { readAt: number; findings: AttentionFinding[] } = { readAt: Number.NEGATIVE_INFINITY, findings: [] };

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
    this.#overview = new OverviewReader(client, keys);
    this.#objects = new ObjectInspector({ client, keys });
  }

  async read(): Promise<Attention> {
    const [overview, objects, groups, rates, parked, redis, gone] = await Promise.all([
      this.#overview.read(),
      this.#readObjects(),
      readErrorGroups(this.#client, this.#keys, { last: 2 * HOUR, limit: MOST_GROUPS }),
      readRates(this.#client, this.#keys, { last: 2 * HOUR }),
      readParked(this.#client, this.#keys),
      this.#readRedis(),
      readGoneHosts(this.#client, this.#keys),
    ]);
    const { at, hosts, pools } = overview;
    this.#noticeLost(overview, gone);
    const waits = waitFindings(objects, { hosts, at, met: this.#met });
    const failures = await this.#readFailures(failingTasks(groups, at).slice(0, MOST_TASKS), overview);
    const schedules = await scheduleFindings(this.#client, this.#keys, at);
    const still = new Set(waits.findings.flatMap((finding) => ("pools" in finding ? finding.pools : [])));
    const findings = [
      ...redis,
      ...(await this.#fleetFindings(overview, { parked, still })),
      ...waits.findings,
      ...failures,
      ...schedules.findings,
      ...deadLetters(pools, failures),
    ];
    const parkedByPool = new Map<string, number>();
    for (const { pool, count } of parked) parkedByPool.set(pool, (parkedByPool.get(pool) ?? 0) + count);
    const waitsOnHosts = new Map<string, number>();
    for (const { host } of waitingTasks(objects)) {
      if (host !== null) waitsOnHosts.set(host, (waitsOnHosts.get(host) ?? 0) + 1);
    }
    return {
      ...{ at, overview, parked: parkedByPool, waitsOnHosts },
      findings: findings.sort(byNeed),
      figures: figuresOf(overview, { objects, parked: parkedByPool, rates, findings }),
      lookAgainAt: lookAgainAt([waits.lookAgainAt, schedules.lookAgainAt], pools, at),
    };
  }

  /** Kinds of which one can be held. */
  async #readObjects(): Promise<ObjectView[]> {
    const places = (await this.#objects.places()).filter(({ kind }) => HELD_KINDS.has(kind));
    return this.#objects.list(places.slice(0, MOST_OBJECTS));
  }

  async #readRedis(): Promise<AttentionFinding[]> {
    const now = performance.now();
    if (now - this.#redis.readAt >= REDIS_FRESH) {
      const [ofRedis, left] = await Promise.all([redisFindings(this.#client), this.#sessionsLeft()]);
      this.#redis = { readAt: now, findings: [...ofRedis, ...left] };
    }
    return this.#redis.findings;
  }

  /** Hosts, and programs, release within seconds what an ended one held. */
  async #sessionsLeft(): Promise<AttentionFinding[]> {
    const left = await findDeadSessions({ client: this.#client, keys: this.#keys }, MOST_SESSIONS);
    if (left.length === 0) return [];
    const overdue = Math.max(...left.map((session) => session.overdue));
    const since = Date.now() - overdue;
    return [{ kind: "sessions-left", level: "soon", since, count: left.length }];
  }

  /**
   * A host that ends takes itself off the list; one that is listed without a heartbeat was lost. Hosts write down those that
   * are gone, a few seconds later.
   */
  #noticeLost({ at, hosts, lostHosts }: Overview, gone: readonly GoneHost[]): void {
    for (const { id, name, how, goneAt, running } of gone) {
      if (how !== "ended") this.#lost.set(id, { host: { id, name, running }, since: goneAt });
    }
    for (const id of lostHosts) {
      const host = this.#known.get(id);
      if (host && !this.#lost.has(id)) this.#lost.set(id, { host, since: host.beatAt });
    }
    for (const host of hosts) {
      this.#known.set(host.id, host);
      this.#lost.delete(host.id);
    }
    for (const id of this.#known.keys()) {
      if (!lostHosts.includes(id) && !hosts.some((host) => host.id === id)) this.#known.delete(id);
    }
    for (const [id, { since }] of this.#lost) if (at - since > LOST_TOLD) this.#lost.delete(id);
  }

  async #readFailures(failing: ReturnType<typeof failingTasks>, { at, hosts }: Overview): Promise<AttentionFinding[]> {
    const found = await Promise.all(
      failing.map(async (failures) => {
        const rates = await readRates(this.#client, this.#keys, { task: failures.task, last: 2 * HOUR });
        const [hour, before] = halves(rates, at, (step) => step.completed + step.failed);
        return failureFinding(failures, { ended: hour, endedBefore: before }, { at, hosts });
      }),
    );
    return found.filter((finding) => finding !== null);
  }

  async #fleetFindings(
    overview: Overview,
    { parked, still }: { parked: Awaited<ReturnType<typeof readParked>>; still: ReadonlySet<string> },
  ): Promise<AttentionFinding[]> {
    const { at, hosts } = overview;
    const pools = overview.pools.filter(({ name }) => !isProcessQueue(name));
    const waiting = pools.reduce((sum, { jobs }) => sum + jobs.waiting + jobs.prioritized, 0);
    const allWaiting = waiting + parked.reduce((sum, { count }) => sum + count, 0);
    if (hosts.length === 0) {
      if (pools.length === 0) return this.#lostFindings();
      const oldest = Math.max(0, ...pools.map(({ oldestWaiting }) => oldestWaiting ?? 0));
      const level: FindingLevel = allWaiting > 0 ? "now" : "soon";
      const since = allWaiting > 0 ? at - oldest : null;
      return [{ kind: "no-host", level, since, waiting: allWaiting }, ...this.#lostFindings()];
    }
    const ofHosts = hostFindings(hosts, at);
    const told = new Set(
      ofHosts.flatMap((finding) => (finding.kind === "host-trouble" && finding.pool !== null ? [finding.pool] : [])),
    );
    const ofPools = pools.flatMap((pool): AttentionFinding[] => {
      const left = pool.jobs.waiting + pool.jobs.prioritized + pool.jobs.delayed;
      const finding = poolFinding({ ...pool, left }, hosts);
      if (!finding || (finding.kind === "pool-unserved" && told.has(pool.name))) return [];
      if (finding.kind !== "pool-unserved") return [finding];
      return [{ ...finding, since: finding.since ?? at - (pool.oldestWaiting ?? 0) }];
    });
    for (const finding of ofPools) if ("pool" in finding && finding.pool !== null) told.add(finding.pool);
    const parkedPools = new Set(parked.map(({ pool }) => pool));
    // Hosts park such tasks when they meet them; while all slots are busy none looks.
    const heads = pools
      .filter(({ name, state, paused }) => state === "running" && !paused && !still.has(name) && !parkedPools.has(name))
      .flatMap(({ name: pool, nextTask, oldestInLine }) =>
        nextTask === null ? [] : [{ pool, task: nextTask, count: 1, since: at - (oldestInLine ?? 0) }],
      );
    const unserved = unservedFindings([...parked, ...heads], { hosts, told });
    for (const { pool } of unserved) if (!parkedPools.has(pool)) told.add(pool);
    const busy = pools.filter(({ name, state }) => state === "running" && !told.has(name) && !still.has(name));
    return [...this.#lostFindings(), ...ofHosts, ...ofPools, ...unserved, ...(await this.#busyFindings(busy, at))];
  }

  #lostFindings(): AttentionFinding[] {
    return [...this.#lost.values()].map(({ host, since }) => ({
      kind: "host-lost",
      level: "soon",
      since,
      host: { id: host.id, name: host.name },
      running: host.running.length,
    }));
  }

  /** Pools whose tasks wait for long though hosts take them. */
  async #busyFindings(pools: readonly PoolGlance[], at: number): Promise<AttentionFinding[]> {
    const slow = pools
      .filter(({ oldestInLine, paused }) => !paused && (oldestInLine ?? 0) >= LONG_WAIT)
      .sort((left, right) => waitingIn(right) - waitingIn(left))
      .slice(0, MOST_POOLS);
    const found = await Promise.all(
      slow.map(async (pool) => {
        const figures = await readRates(this.#client, this.#keys, { pool: pool.name, last: POOL_MINUTES * MINUTE });
        return busyFinding(pool, figures, at);
      }),
    );
    return found.filter((finding) => finding !== null);
  }
}

/** What may have one holder, for whom others wait. */
const HELD_KINDS = new Set(["lock", "rlock", "read-write-lock", "semaphore"]);

function waitingIn({ jobs }: PoolGlance): number {
  return jobs.waiting + jobs.prioritized;
}

function busyFinding(pool: PoolGlance, figures: TaskRates, at: number): AttentionFinding | null {
  const { name, jobs, slots, oldestInLine } = pool;
  const limit = Math.min(pool.size ?? slots, slots);
  const waiting = waitingIn(pool);
  const since = at - (oldestInLine ?? 0);
  const ended = endedOf(figures);
  const perMinute = ended > 0 ? ended / POOL_MINUTES : null;
  const lately = figures.steps.filter((step) => step.at > at - 3 * MINUTE).some((step) => step.started > 0);
  if (jobs.active < limit && !lately) {
    return { kind: "pool-stuck", level: "now", since, pool: name, waiting, free: limit - jobs.active };
  }
  const { submitted } = figures;
  if (submitted - ended >= GROWS_BY && submitted >= GROWS_FASTER * ended) {
    return { kind: "queue-grows", level: "soon", since, pool: name, waiting, submitted, ended, minutes: POOL_MINUTES };
  }
  if (jobs.active < limit) return null;
  return { kind: "pool-full", level: "soon", since, pool: name, size: limit, waiting, perMinute };
}

function endedOf({ completed, failed, cancelled, expired }: TaskFigures): number {
  return completed + failed + cancelled + expired;
}

/** Those that failed lately are told by their tasks. */
function deadLetters(pools: readonly PoolGlance[], failures: readonly AttentionFinding[]): AttentionFinding[] {
  const withDead = pools.filter(({ jobs }) => jobs.failed > 0);
  const count = withDead.reduce((sum, { jobs }) => sum + jobs.failed, 0);
  const told = failures.reduce((sum, finding) => sum + (finding.kind === "task-fails" ? finding.failed : 0), 0);
  if (count <= told) return [];
  const pool = withDead.length === 1 ? (withDead[0]?.name ?? null) : null;
  return [{ kind: "dead-letters", level: "soon", since: null, count, pool }];
}

/** The sums of the last hour and of the hour before. */
function halves(
  { steps }: TaskRates,
  at: number,
  value: (step: TaskRates["steps"][number]) => number,
): [hour: number, before: number] {
  let [hour, before] = [0, 0];
  for (const step of steps) {
    if (step.at + MINUTE > at - HOUR) hour += value(step);
    else before += value(step);
  }
  return [hour, before];
}

function figuresOf(
  { at, hosts, pools }: Overview,
  known: {
    objects: readonly ObjectView[];
    parked: ReadonlyMap<string, number>;
    rates: TaskRates;
    findings: readonly AttentionFinding[];
  },
): FleetFigures {
  const { objects, parked, rates, findings } = known;
  const states: Record<string, number> = {};
  for (const { state } of hosts) states[state] = (states[state] ?? 0) + 1;
  const sum = (of: (pool: PoolGlance) => number): number => pools.reduce((total, pool) => total + of(pool), 0);
  const blockedByPool = new Map(parked);
  for (const finding of findings) {
    if (finding.kind === "pool-unserved") blockedByPool.set(finding.pool, finding.waiting);
  }
  const parkedCount = [...parked.values()].reduce((total, count) => total + count, 0);
  const limited = sum(({ jobs }) => jobs.limited);
  const unserved = new Set(findings.flatMap((finding) => (finding.kind === "pool-unserved" ? [finding.pool] : [])));
  // Of a pool without hosts all that waits was counted.
  const heldBack = sum(({ name, jobs }) => (unserved.has(name) ? 0 : jobs.limited));
  const waiting = sum(waitingIn) + parkedCount + limited;
  const blocked = [...blockedByPool.values()].reduce((total, count) => total + count, 0) + heldBack;
  const [oldest] = pools
    .filter(({ oldestWaiting }) => oldestWaiting !== null)
    .sort((left, right) => (right.oldestWaiting ?? 0) - (left.oldestWaiting ?? 0));
  const [completed, completedBefore] = halves(rates, at, (step) => step.completed);
  const [failed, failedBefore] = halves(rates, at, (step) => step.failed);
  const running = new Set(hosts.flatMap((host) => host.running.map(({ jobId }) => jobId)));
  return {
    hosts: { total: hosts.length, states },
    running: sum(({ jobs }) => jobs.active),
    slots: hosts.reduce((total, { slots }) => total + slots, 0),
    waitForLocks: waitingTasks(objects).filter(({ id }) => running.has(id.replace(/\.\d+$/, ""))).length,
    waiting,
    blocked: Math.min(waiting, hosts.length === 0 ? waiting : blocked),
    delayed: Math.max(0, sum(({ jobs }) => jobs.delayed) - parkedCount - limited),
    oldest: oldest ? { pool: oldest.name, since: at - (oldest.oldestWaiting ?? 0) } : null,
    completed: { hour: completed, before: completedBefore },
    failed: { hour: failed, before: failedBefore },
    dead: sum(({ jobs }) => jobs.failed),
  };
}

function lookAgainAt(others: readonly (number | null)[], pools: readonly PoolGlance[], at: number): number | null {
  const due = pools
    .filter(({ oldestInLine }) => oldestInLine !== null && oldestInLine < LONG_WAIT)
    .map(({ oldestInLine }) => at - (oldestInLine ?? 0) + LONG_WAIT);
  const times = [...due, ...others.filter((time) => time !== null)];
  return times.length === 0 ? null : Math.min(...times);
}

const LEVELS: readonly FindingLevel[] = ["now", "soon"];

function byNeed(left: AttentionFinding, right: AttentionFinding): number {
  const rank = LEVELS.indexOf(left.level) - LEVELS.indexOf(right.level);
  if (rank !== 0) return rank;
  return (right.since ?? 0) - (left.since ?? 0);
}
