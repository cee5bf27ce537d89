import {
  describeUnserved,
  type FinishedSet,
  type ForeignQueue,
  findForeignQueues,
  type HostRecord,
  isServed,
  type Keep,
  keepRule,
  type PoolView,
  plural,
  readNamespaceKeep,
  sharedHostNames,
} from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { duration } from "../../output/times.ts";
import { type Finding, ok } from "./finding.ts";

/** Waiting tasks looked at. */
const SAMPLE = 1_000;
/** A host's clock may differ by this much, beyond the age of its heartbeat, ms. */
const CLOCK_TOLERANCE = 30_000;

/** Hosts, pools and waiting tasks. */
export async function checkFleet({ inspector, client, keys }: Connection): Promise<Finding[]> {
  const [hosts, pools, foreign, namespaceKeep] = await Promise.all([
    inspector.fleet.list(),
    inspector.pools.list(),
    findForeignQueues(client, keys),
    readNamespaceKeep(client, keys),
  ]);
  const waiting = (
    await Promise.all(
      (["waiting", "prioritized", "blocked"] as const).map((state) => inspector.tasks.list({ state, limit: SAMPLE })),
    )
  ).flat();
  const pairs = new Map(waiting.map((task) => [`${task.pool}\n${task.name}`, task]));
  const unserved = [...pairs.values()].filter((task) => !isServed(hosts, task.pool, task.name));
  return [
    checkHosts(hosts, waiting.length),
    ...checkNames(hosts),
    ...hosts.flatMap(checkHost),
    ...pools.flatMap((pool) => checkPool(pool, hosts)),
    checkHistory(pools, namespaceKeep),
    ...foreign.map(checkForeign),
    ...unserved.map(({ pool, name }): Finding => {
      const [finding = "", advice = ""] = describeUnserved(hosts, pool, name).split("; ");
      return { check: `task ${name}`, status: "problem", finding, advice };
    }),
    ...(unserved.length === 0 ? [ok("tasks", `${waiting.length} waiting, all of them are served`)] : []),
  ];
}

function checkHosts(hosts: readonly HostRecord[], waiting: number): Finding {
  const slots = hosts.reduce((sum, host) => sum + host.slots, 0);
  if (hosts.length > 0) return ok("hosts", `${hosts.length} alive with ${plural(slots, "slot")}`);
  const status = waiting > 0 ? "problem" : "warning";
  return { check: "hosts", status, finding: "no host is running", advice: "manyhands worker --tasks <module>" };
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

/** A host that serves every pool makes a pool of it within half a minute. */
function checkForeign({ name, waiting }: ForeignQueue): Finding {
  return {
    check: `queue ${name}`,
    status: "problem",
    finding: `another client has put ${plural(waiting, "job")} into it, and it is not a pool yet`,
    advice: `manyhands pool create ${name}`,
  };
}

/** Commands that take a host refuse a name that several have. */
function checkNames(hosts: readonly HostRecord[]): Finding[] {
  return sharedHostNames(hosts).map((name) => {
    const ids = hosts.filter((host) => host.name === name).map((host) => host.id);
    const finding = `${ids.length} live hosts have this name: ${ids.join(", ")}`;
    const advice = "give each host a unique name (--name); until then commands need the id";
    return { check: `host ${name}`, status: "warning", finding, advice };
  });
}

function checkHost(host: HostRecord): Finding[] {
  const check = `host ${host.name}`;
  const findings: Finding[] = [];
  if (host.state === "deaf") {
    const finding = "it is alive but takes no work";
    findings.push({
      check,
      status: "problem",
      finding,
      advice: `look at its log; restart pid ${host.pid} on ${host.hostname}`,
    });
  }
  if (host.state === "quiet") {
    const since = host.stepSince ? ` for ${duration(Date.now() - host.stepSince)}` : "";
    const finding = `it was told to take no work, and has been quiet${since}`;
    findings.push({ check, status: "warning", finding, advice: `manyhands host resume ${host.name}` });
  }
  for (const { pool, reason, takesWork } of host.troubles ?? []) {
    const what = takesWork ? "jobs wait" : "it takes no work";
    findings.push({
      check,
      status: "problem",
      finding: `${pool === null ? what : `${what} of pool ${pool}`}: ${reason}`,
      advice: takesWork
        ? "fix the initializer, or give calls a timeout"
        : `repair the cause on ${host.hostname}; the host tries again automatically`,
    });
  }
  const difference = Math.abs(Date.now() - host.beatAt);
  if (difference > CLOCK_TOLERANCE) {
    const finding = `its clock differs by about ${duration(difference)}`;
    findings.push({ check, status: "warning", finding, advice: "keep the clocks of all machines in step (NTP)" });
  }
  return findings;
}

function checkPool(pool: PoolView, hosts: readonly HostRecord[]): Finding[] {
  const check = `pool ${pool.name}`;
  const left = pool.waiting + pool.prioritized + pool.delayed;
  const waits = left === 1 ? "1 task waits" : `${left} tasks wait`;
  if (pool.state === "failed") {
    return [
      {
        check,
        status: "problem",
        finding: `it failed: ${pool.failure}`,
        advice: `fix its initializer, then run: manyhands pool reset ${pool.name}`,
      },
    ];
  }
  if (pool.state === "terminated") {
    const finding = "it was terminated, and its removal was not finished";
    return [{ check, status: "warning", finding, advice: `manyhands pool rm ${pool.name} -y` }];
  }
  const { size, globalConcurrency } = pool;
  if (globalConcurrency !== size) {
    const inForce = globalConcurrency ?? "any number";
    const finding = `its size is ${size ?? "all slots"}, but another tool made BullMQ let ${inForce} run at once`;
    const advice = `hosts restore it within seconds; if not: manyhands pool resize ${pool.name} ${size ?? "all"}`;
    return [{ check, status: "warning", finding, advice }];
  }
  if (pool.paused && left > 0) {
    return [
      { check, status: "warning", finding: `it is paused; ${waits}`, advice: `manyhands pool resume ${pool.name}` },
    ];
  }
  if (pool.hosts === 0 && hosts.length > 0) {
    const advice = `start a host without --pools, or with --pools ${pool.name}`;
    return [{ check, status: left > 0 ? "problem" : "warning", finding: `no live host serves it; ${waits}`, advice }];
  }
  return [];
}
