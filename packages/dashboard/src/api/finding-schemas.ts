import { z } from "./open-api.ts";

const Host = z.object({ id: z.string(), name: z.string() });
const KnowingHost = z.object({
  ...{ id: z.string(), name: z.string() },
  state: z.string().openapi({ description: "State of the host; `elsewhere`: it serves other pools only." }),
});
const NamedObject = z.object({ kind: z.string(), name: z.string() });
const Actor = z.object({
  session: z.string(),
  host: z.string().nullable(),
  pid: z.int().nullable(),
  task: z.object({ name: z.string(), id: z.string() }).nullable(),
});
const pool = z.string();
const waiting = z.int();
const wherever = { pool, waiting };

/** What is found, by its kind. */
const FACTS = {
  "no-host": { waiting },
  "host-deaf": { host: Host },
  "host-quiet": { host: Host },
  "host-draining": {
    ...{ host: Host, running: z.int() },
    canResume: z.boolean().openapi({ description: "Whether it can be told to take work again." }),
  },
  "host-trouble": { host: Host, pool: pool.nullable(), reason: z.string(), takesWork: z.boolean() },
  "host-clock": { host: Host, difference: z.number() },
  "host-lost": { host: Host, running: z.int() },
  "host-names": { name: z.string(), hosts: z.array(Host) },
  "pool-failed": { pool, failure: z.string() },
  "pool-terminated": { pool },
  "pool-size": { pool, size: z.int().nullable(), inForce: z.int().nullable() },
  "pool-paused": wherever,
  "pool-unserved": { ...wherever, task: z.string().nullable(), knowing: z.array(KnowingHost) },
  "task-unserved": { ...wherever, task: z.string(), knowing: z.array(KnowingHost) },
  "pool-full": { ...wherever, size: z.int(), perMinute: z.number().nullable() },
  "pool-stuck": { ...wherever, free: z.int() },
  "queue-grows": { ...wherever, submitted: z.int(), ended: z.int(), minutes: z.int() },
  deadlock: {
    waits: z.array(z.object({ waiter: Actor, object: NamedObject, holder: Actor })),
    behind: z.int().openapi({ description: "Others that wait for these." }),
    pools: z.array(pool).openapi({ description: "Pools all of whose running tasks wait." }),
  },
  "lock-held": {
    ...{ object: NamedObject, holder: Actor, waiters: z.int(), pools: z.array(pool) },
    usual: z.number().nullable().openapi({ description: "How long a lock was held of late, mean, ms." }),
  },
  "sessions-left": { count: z.int() },
  "task-fails": {
    task: z.string(),
    pools: z.array(pool),
    ...{ failed: z.int(), ended: z.int(), failedBefore: z.int(), endedBefore: z.int() },
    group: z.string().openapi({ description: "Its largest group of errors." }),
    error: z.object({ name: z.string(), message: z.string() }),
    hosts: z.array(z.string()),
    onlyHost: z.string().nullable().openapi({ description: "It fails there alone, though others know the task." }),
  },
  "schedule-late": { schedule: z.string(), count: z.int() },
  "dead-letters": { count: z.int(), pool: pool.nullable() },
  "redis-memory": { used: z.number(), limit: z.number() },
  "redis-eviction": { policy: z.string() },
  "redis-persistence": {},
  "redis-save-failed": {},
} as const;

const FindingAction = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("cancel-and-retry"),
      ...{ task: z.string(), id: z.string(), host: z.string().nullable() },
    }),
    z.object({ kind: z.literal("release"), object: NamedObject, session: z.string() }),
    z.object({ kind: z.enum(["pause-pool", "resume-pool", "reset-pool", "remove-pool"]), pool }),
    z.object({ kind: z.enum(["resume-host", "stop-drain"]), host: Host }),
    z.object({ kind: z.literal("start-host"), pool: pool.nullable() }),
    z.object({ kind: z.literal("see-failure"), group: z.string() }),
    z.object({ kind: z.literal("see-tasks"), pool: pool.nullable(), task: z.string().nullable(), state: z.string() }),
    z.object({ kind: z.literal("see-object"), object: NamedObject }),
    z.object({ kind: z.literal("see-host"), host: Host }),
    z.object({ kind: z.literal("see-pool"), pool }),
    z.object({ kind: z.enum(["see-waits", "see-schedules", "see-dead-letters", "see-redis"]) }),
  ])
  .openapi("FindingAction");

const common = {
  level: z
    .enum(["now", "soon"])
    .openapi({ description: "now: work stands still or fails; soon: it can wait a while." }),
  since: z.number().nullable().openapi({ description: "Milliseconds since the epoch; null: not known." }),
  actions: z.array(FindingAction),
};
const one = <Kind extends keyof typeof FACTS>(kind: Kind) =>
  z.object({ kind: z.literal(kind), ...FACTS[kind], ...common });

export const Finding = z
  .discriminatedUnion("kind", [
    ...([one("no-host"), one("host-deaf"), one("host-quiet"), one("host-draining")] as const),
    ...([one("host-trouble"), one("host-clock")] as const),
    ...([one("host-lost"), one("host-names"), one("pool-failed"), one("pool-terminated"), one("pool-size")] as const),
    ...([one("pool-paused"), one("pool-unserved"), one("task-unserved"), one("pool-full")] as const),
    ...([one("pool-stuck"), one("queue-grows"), one("deadlock"), one("lock-held"), one("sessions-left")] as const),
    one("task-fails"),
    ...([one("schedule-late"), one("dead-letters"), one("redis-memory"), one("redis-eviction")] as const),
    ...([one("redis-persistence"), one("redis-save-failed")] as const),
  ])
  .openapi("Finding");

const Halves = z.object({
  hour: z.int().openapi({ description: "In the last hour." }),
  before: z.int().openapi({ description: "In the hour before." }),
});
const Why = z
  .object({
    kind: z.enum([
      ...(["failed", "terminated", "paused", "unserved", "unknown-task"] as const),
      ...(["locks", "stuck", "full", "limited", "next"] as const),
    ]),
    name: z.string().nullable().openapi({ description: "The host or the task that it is about." }),
    count: z.int().nullable(),
  })
  .nullable()
  .openapi({ description: "Why tasks wait; null: none does." });

export const Overview = z
  .object({
    at: z.number().openapi({ description: "Time of Redis, milliseconds since the epoch." }),
    latency: z.number().openapi({ description: "How long Redis took to answer, milliseconds." }),
    lookAgainAt: z.number().nullable().openapi({ description: "When there may be more although nothing changes." }),
    attention: z
      .array(Finding)
      .openapi({ description: "What needs a person: now first, and of a level what began last; at most 50." }),
    counts: z.object({ now: z.int(), soon: z.int() }).openapi({ description: "Of all findings." }),
    figures: z.object({
      hosts: z.object({ total: z.int(), states: z.record(z.string(), z.int()) }),
      ...{ running: z.int(), slots: z.int(), waitForLocks: z.int() },
      waiting: z.int().openapi({ description: "All that is due and not started." }),
      blocked: z.int().openapi({ description: "Of these, what no live host can start." }),
      delayed: z.int(),
      oldest: z.object({ pool, since: z.number() }).nullable(),
      ...{ completed: Halves, failed: Halves },
      dead: z.int().openapi({ description: "Failed for good, as far as they are kept." }),
    }),
    poolCount: z.int(),
    pools: z.array(
      z.object({
        name: pool,
        ...{ state: z.string(), paused: z.boolean() },
        ...{ active: z.int(), limit: z.int(), waiting, blocked: z.int() },
        oldestSince: z.number().nullable(),
        failed: z.int().openapi({ description: "In the last hour." }),
        why: Why,
      }),
    ),
    hostCount: z.int(),
    hosts: z.array(
      z.object({
        ...{ id: z.string(), name: z.string(), state: z.string() },
        ...{ slots: z.int(), busy: z.int(), waitForLocks: z.int() },
        cpu: z.number().nullable().openapi({ description: "Of its children together, 1 = one processor." }),
        memory: z.number().openapi({ description: "Of it and its children, bytes." }),
        task: z
          .object({ name: z.string(), since: z.number() })
          .nullable()
          .openapi({ description: "Runs for longest." }),
      }),
    ),
  })
  .openapi("Overview");

export const NavCounts = z
  .object({
    failed: z.int().openapi({ description: "Tasks that failed in the last hour." }),
    failsNow: z.boolean().openapi({ description: "Whether a task fails that needs somebody now." }),
    dead: z.int().openapi({ description: "Tasks that failed for good, as far as they are kept." }),
    deadlocks: z.int(),
    ...{ pools: z.int(), hosts: z.int(), processes: z.int() },
  })
  .openapi("NavCounts");
