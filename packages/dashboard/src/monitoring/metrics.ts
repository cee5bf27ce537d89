import {
  type FleetTotals,
  type JobCounts,
  registerMetrics,
  taskMetrics,
  UNNAMED_POOLS,
} from "@manyhands/core/internal";
import { Counter, Gauge, Registry } from "prom-client";
import type { PoolSnapshot, Snapshot, View } from "../snapshot/snapshot.ts";

/** The view as Prometheus text. Every series is described in docs/dashboard.md. */
export async function metricsText(view: View, totals: FleetTotals | null): Promise<string> {
  const registry = new Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name: `manyhands_${name}`, help, labelNames, registers: [registry] });

  gauge("redis_up", "1 when Redis answered the last question, else 0.", []).set(view.problem ? 0 : 1);
  // Old figures would look like a standstill; a gap says what is true.
  if (view.snapshot && !view.problem) {
    addPools(view.snapshot, gauge);
    addHosts(view.snapshot, gauge);
    addTotals(view.snapshot, registry);
    if (totals) registerMetrics(registry, taskMetrics(totals, "fleet"));
  }
  return registry.metrics();
}

type MakeGauge = <Label extends string>(name: string, help: string, labelNames: Label[]) => Gauge<Label>;

function addPools({ pools }: Snapshot, gauge: MakeGauge): void {
  const jobs = gauge("pool_jobs", "Jobs of a pool by state; completed and failed count those still kept.", [
    "pool",
    "state",
  ]);
  const size = gauge("pool_size", "Most jobs of the pool that may run at once; absent without a limit.", ["pool"]);
  const paused = gauge("pool_paused", "1 when the pool is paused, else 0.", ["pool"]);
  const oldest = gauge("pool_oldest_waiting_seconds", "Age of the job that has waited longest; 0 when none waits.", [
    "pool",
  ]);
  gauge("pools", "Number of pools.", []).set(pools.length);
  const longest = new Map<string, number>();
  for (const pool of pools) {
    const label = labelOf(pool);
    for (const [state, count] of Object.entries(pool.jobs) as [keyof JobCounts, number][]) {
      jobs.inc({ pool: label, state: stateLabel(state) }, count);
    }
    if (pool.size !== null && !pool.unnamed) size.set({ pool: label }, pool.size);
    if (!pool.unnamed) paused.set({ pool: label }, pool.paused ? 1 : 0);
    longest.set(label, Math.max(longest.get(label) ?? 0, (pool.oldestWaiting ?? 0) / 1000));
  }
  for (const [pool, seconds] of longest) oldest.set({ pool }, seconds);
}

function addHosts({ hosts, at }: Snapshot, gauge: MakeGauge): void {
  const count = gauge("hosts", "Living worker hosts by state.", ["state"]);
  for (const state of ["starting", "running", "quiet", "draining", "deaf", "unready"]) count.set({ state }, 0);
  const slots = gauge("host_slots", "Tasks that the host may run at once.", ["host"]);
  const running = gauge("host_running", "Jobs that run on the host.", ["host"]);
  const memory = gauge("host_memory_bytes", "Resident memory of the host process.", ["host"]);
  const started = gauge("host_uptime_seconds", "Time since the host started, by its own clock.", ["host"]);
  for (const host of hosts) {
    const label = { host: host.name };
    count.inc({ state: host.state }, 1);
    // Two hosts may have been given one name; their figures add up.
    slots.inc(label, host.slots);
    running.inc(label, host.running.length);
    memory.inc(label, host.memory);
    started.set(label, Math.max(0, (at - host.startedAt) / 1000));
  }
}

/** What a host has done since it started; a restarted host starts from zero, as counters may. */
function addTotals({ hosts }: Snapshot, registry: Registry): void {
  const counter = (name: string, help: string) =>
    new Counter({ name: `manyhands_${name}`, help, labelNames: ["host"], registers: [registry] });
  const completed = counter("host_completed_total", "Jobs that the host has completed since it started.");
  const failed = counter("host_failed_total", "Jobs that failed on the host since it started.");
  for (const { name, completed: done, failed: lost } of hosts) {
    completed.inc({ host: name }, done);
    failed.inc({ host: name }, lost);
  }
}

function labelOf(pool: PoolSnapshot): string {
  return pool.unnamed ? UNNAMED_POOLS : pool.name;
}

/** `waitingChildren` -> `waiting-children`, BullMQ's own name. */
function stateLabel(state: keyof JobCounts): string {
  return state.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
