import {
  type AttentionFinding,
  describeUnserved,
  type FinishedSet,
  type ForeignQueue,
  findForeignQueues,
  type HostRecord,
  hostFindings,
  type Keep,
  keepRule,
  type ParkedTasks,
  type PoolView,
  plural,
  poolFinding,
  readNamespaceKeep,
  type TaskRow,
  unservedFindings,
} from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { duration, relative } from "../../output/times.ts";
import { type Finding, ok } from "./finding.ts";

/** Waiting tasks looked at. */
const SAMPLE = 1_000;
/** Pools whose limits are told. */
const MOST_LIMITED = 20;

/** Hosts, pools and waiting tasks. */
export async function checkFleet(connection: Connection): Promise<Finding[]> {
  const { inspector, client, keys } = connection;
  const [hosts, pools, foreign, namespaceKeep] = await Promise.all([
    inspector.fleet.list(),
    inspector.pools.list(),
    findForeignQueues(client, keys),
    readNamespaceKeep(client, keys),
  ]);
  const listed = (
    await Promise.all(
      (["waiting", "prioritized", "blocked"] as const).map((state) => inspector.tasks.list({ state, limit: SAMPLE })),
    )
  ).flat();
  // A blocked task waits as well.
  const waiting = [...new Map(listed.map((task) => [`${task.pool}\n${task.id}`, task])).values()];
  const ofHosts = hostFindings(hosts, Date.now());
  const ofPools = pools.flatMap((pool) => {
    const left = pool.waiting + pool.prioritized + pool.delayed;
    const nextTask = waiting.findLast((task) => task.pool === pool.name)?.name ?? null;
    return poolFinding({ ...pool, left, nextTask }, hosts) ?? [];
  });
  const told = new Set(
    [...ofHosts, ...ofPools].flatMap((one) => ("pool" in one && one.pool !== null ? [one.pool] : [])),
  );
  // Without a host none is served: that is told once.
  const unserved = hosts.length === 0 ? [] : unservedFindings(countPairs(waiting), { hosts, told });
  return [
    checkHosts(hosts, waiting.length),
    ...ofHosts.flatMap((finding) => ofHost(finding, hosts)),
    ...ofPools.flatMap(ofPool),
    ...(await checkLimits(connection, pools)),
    checkHistory(pools, namespaceKeep),
    ...foreign.map(checkForeign),
    ...unserved.map(({ pool, task, waiting: count }): Finding => {
      const [finding = "", advice = ""] = describeUnserved(hosts, pool, task).split("; ");
      return { check: `task ${task}`, status: "problem", finding: `${finding}; ${waits(count)}`, advice };
    }),
    ...(unserved.length + told.size === 0 && (hosts.length > 0 || waiting.length === 0)
      ? [ok("tasks", `${waiting.length} waiting, all of them are served`)]
      : []),
  ];
}

/** Pairs of a pool and a task, and how many of each wait. */
function countPairs(waiting: readonly TaskRow[]): ParkedTasks[] {
  const pairs = new Map<string, ParkedTasks>();
  for (const { pool, name: task, createdAt } of waiting) {
    const { count = 0, since } = pairs.get(`${pool}\n${task}`) ?? {};
    pairs.set(`${pool}\n${task}`, { pool, task, count: count + 1, since: Math.min(createdAt, since ?? createdAt) });
  }
  return [...pairs.values()];
}

function waits(count: number): string {
  return count === 1 ? "1 task waits" : `${count} tasks wait`;
}

function checkHosts(hosts: readonly HostRecord[], waiting: number): Finding {
  const slots = hosts.reduce((sum, host) => sum + host.slots, 0);
  if (hosts.length > 0) return ok("hosts", `${hosts.length} alive with ${plural(slots, "slot")}`);
  const status = waiting > 0 ? "problem" : "warning";
  const finding = waiting > 0 ? `no host is running; ${waits(waiting)}` : "no host is running";
  return { check: "hosts", status, finding, advice: "manyhands worker --tasks <module>" };
}

/** What bounds the history, and what it holds. */
function checkHistory(pools: readonly PoolView[], namespaceKeep: Keep | undefined): Finding {
  const describe = (set: FinishedSet): string => {
    const { age, count } = keepRule(set, [namespaceKeep]);
    return `${set} ones ${duration(age)} and at most ${count}`;
  };
  const sum = (of: (pool: PoolView) => number): number => pools.reduce((total, pool) => total + of(pool), 0);
  const own = pools.filter(({ keep }) => keep).map(({ name }) => name);
  const others =
    own.length === 0 ? "" : `; ${own.join(", ")} ${own.length === 1 ? "has a rule" : "have rules"} of their own`;
  return ok(
    "history",
    `each pool keeps of its finished tasks ${describe("completed")}, ${describe("failed")}${others}; kept now: ` +
      `${sum(({ completed }) => completed)} completed, ${sum(({ failed }) => failed)} failed, ` +
      `${sum(({ cancelled }) => cancelled)} cancelled`,
  );
}

/** What limits hold back waits as it should: it is told, so that it is not taken for work that hangs. */
async function checkLimits({ inspector }: Connection, pools: readonly PoolView[]): Promise<Finding[]> {
  const limited = pools.filter((pool) => pool.limited > 0).slice(0, MOST_LIMITED);
  const found = await Promise.all(limited.map(({ name }) => inspector.pools.limits(name)));
  return limited.map(({ name, limited: count }, index) => {
    const rules = found[index]?.rules.map(({ task, text }) => `${task ?? "the pool"}: ${text}`) ?? [];
    const times = found[index]?.places.flatMap(({ nextAt }) => nextAt ?? []) ?? [];
    const next = times.length === 0 ? "" : `; a rate allows the next start ${relative(Math.min(...times))}`;
    const held = `limits hold ${plural(count, "task")} back`;
    return ok(`pool ${name}`, `${rules.length === 0 ? held : `${held} (${rules.join("; ")})`}${next}`);
  });
}

/** A host that serves every pool makes a pool of it within half a minute. */
function checkForeign({ name, waiting }: ForeignQueue): Finding {
  return {
    check: `queue ${name}`,
    status: "problem",
    finding: `another client has put ${plural(waiting, "job")} into it, and it is not a pool yet`,
    advice: `manyhands pool create ${name}`,
  };
}

function ofHost(finding: AttentionFinding, hosts: readonly HostRecord[]): Finding[] {
  const status = statusOf(finding);
  if (finding.kind === "host-names") {
    // Commands that take a host refuse a name that several have.
    const ids = finding.hosts.map(({ id }) => id);
    const what = `${ids.length} live hosts have this name: ${ids.join(", ")}`;
    const advice = "give each host a unique name (--name); until then commands need the id";
    return [{ check: `host ${finding.name}`, status, finding: what, advice }];
  }
  if (!("host" in finding)) return [];
  const { id, name } = finding.host;
  const check = `host ${name}`;
  const host = hosts.find((one) => one.id === id);
  switch (finding.kind) {
    case "host-deaf": {
      const advice = `look at its log; restart pid ${host?.pid} on ${host?.hostname}`;
      return [{ check, status, finding: "it is alive but takes no work", advice }];
    }
    case "host-quiet": {
      const since = finding.since === null ? "" : ` for ${duration(Date.now() - finding.since)}`;
      const what = `it was told to take no work, and has been quiet${since}`;
      return [{ check, status, finding: what, advice: `manyhands host resume ${name}` }];
    }
    case "host-trouble": {
      const { pool, reason, takesWork } = finding;
      const what = takesWork ? "jobs wait" : "it takes no work";
      const advice = takesWork
        ? "fix the initializer, or give calls a timeout"
        : `repair the cause on ${host?.hostname}; the host tries again automatically`;
      return [{ check, status, finding: `${pool === null ? what : `${what} of pool ${pool}`}: ${reason}`, advice }];
    }
    case "host-clock": {
      const what = `its clock differs by about ${duration(finding.difference)}`;
      return [{ check, status, finding: what, advice: "keep the clocks of all machines in step (NTP)" }];
    }
    default:
      return [];
  }
}

function ofPool(found: AttentionFinding): Finding[] {
  if (!("pool" in found) || found.pool === null) return [];
  const name = found.pool;
  const at = { check: `pool ${name}`, status: statusOf(found) };
  switch (found.kind) {
    case "pool-failed": {
      const advice = `fix its initializer, then run: manyhands pool reset ${name}`;
      return [{ ...at, finding: `it failed: ${found.failure}`, advice }];
    }
    case "pool-terminated": {
      const finding = "it was terminated, and its removal was not finished";
      return [{ ...at, finding, advice: `manyhands pool rm ${name} -y` }];
    }
    case "pool-size": {
      const inForce = found.inForce ?? "any number";
      const finding = `its size is ${found.size ?? "all slots"}, but another tool made BullMQ let ${inForce} run at once`;
      const advice = `hosts restore it within seconds; if not: manyhands pool resize ${name} ${found.size ?? "all"}`;
      return [{ ...at, finding, advice }];
    }
    case "pool-paused":
      return [{ ...at, finding: `it is paused; ${waits(found.waiting)}`, advice: `manyhands pool resume ${name}` }];
    case "pool-unserved": {
      const { task, knowing, waiting } = found;
      const unknown = task !== null && knowing.length === 0 ? `, and no live host knows the next one, ${task}` : "";
      const advice = `start a host without --pools, or with --pools ${name}`;
      return [{ ...at, finding: `no live host serves it; ${waits(waiting)}${unknown}`, advice }];
    }
    default:
      return [];
  }
}

function statusOf({ level }: AttentionFinding): Finding["status"] {
  return level === "now" ? "problem" : "warning";
}
