import {
  type DurationBins,
  type HostRecord,
  histogram,
  type MetricFamily,
  registerMetrics,
  taskMetrics,
} from "@manyhands/core/internal";
import { Registry } from "prom-client";
import type { HostMeters } from "./host-meters.ts";

/** What the page shows beside what the host has counted. */
export interface HostFigures {
  record: HostRecord;
  isRedisUp: boolean;
  /** Label of a pool -> age of the job that has waited longest, ms; null = Redis does not say now. */
  oldestWaiting: ReadonlyMap<string, number> | null;
}

export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** The figures of a host as Prometheus text. Every metric is described in docs/how-to-monitor.md. */
export async function hostMetrics(
  meters: HostMeters,
  { record, isRedisUp, oldestWaiting }: HostFigures,
): Promise<string> {
  const registry = new Registry();
  const { name: host, version } = record;
  const bins = (name: string, help: string, measured: DurationBins): MetricFamily =>
    histogram(name, help, [{ labels: {}, bins: measured }]);
  registerMetrics(registry, [
    ...taskMetrics(meters.tasks.list(), "host"),
    gauge("manyhands_host_info", "1; its labels say which host this is.", [[{ host, version }, 1]]),
    gauge("manyhands_host_slots", "Tasks that the host may run at once.", [[{ host }, record.slots]]),
    gauge("manyhands_host_running", "Jobs that run on the host.", [[{ host }, record.running.length]]),
    gauge("manyhands_host_memory_bytes", "Resident memory of the host process.", [[{ host }, record.memory]]),
    gauge("manyhands_host_uptime_seconds", "Time since the host started, by its own clock.", [
      [{ host }, (record.beatAt - record.startedAt) / 1000],
    ]),
    gauge("manyhands_redis_up", "1 when Redis answered the last question, else 0.", [[{}, isRedisUp ? 1 : 0]]),
    // Old figures would look like a standstill; a gap says what is true.
    ...(oldestWaiting === null
      ? []
      : [
          gauge(
            "manyhands_pool_oldest_waiting_seconds",
            "Age of the job that has waited longest; 0 when none waits.",
            [...oldestWaiting].map(([pool, age]): Row => [{ pool }, age / 1000]),
          ),
        ]),
    counter("manyhands_child_kills_total", "Children that the host killed.", labelled("reason", meters.kills)),
    counter(
      "manyhands_child_losses_total",
      "Children that ended while they ran a job.",
      labelled("reason", meters.losses),
    ),
    counter(
      "manyhands_jobs_stalled_total",
      "Jobs that this host put back in line because the host that ran them was gone.",
      labelled("pool", meters.stalled),
    ),
    bins(
      "manyhands_lock_wait_seconds",
      "Time until a lock was acquired, by this host and its children.",
      meters.measured("lockWait"),
    ),
    bins(
      "manyhands_lease_lag_seconds",
      "How much later than planned a lease or the lock of a running job was renewed.",
      meters.measured("leaseLag"),
    ),
    bins(
      "manyhands_redis_round_trip_seconds",
      "Time that Redis took to answer the host; one answer is measured at a time.",
      meters.measured("redisRoundTrip"),
    ),
    bins(
      "manyhands_event_loop_lag_seconds",
      "How late the event loop of the host ran a timer, once a second.",
      meters.eventLoopLag,
    ),
  ]);
  return registry.metrics();
}

type Row = [labels: Record<string, string>, value: number];

function gauge(name: string, help: string, rows: readonly Row[]): MetricFamily {
  return { name, help, type: "gauge", values: rows.map(([labels, value]) => ({ labels, value })) };
}

function counter(name: string, help: string, rows: readonly Row[]): MetricFamily {
  return { ...gauge(name, help, rows), type: "counter" };
}

function labelled(label: string, counts: ReadonlyMap<string, number>): Row[] {
  return [...counts].map(([value, count]) => [{ [label]: value }, count]);
}
