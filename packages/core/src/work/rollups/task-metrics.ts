import type { DurationBins } from "../../time/index.ts";
import { TASK_COUNTS, TASK_DURATIONS, type TaskCount, type TaskCounts, type TaskDuration } from "./task-counts.ts";

/** One metric of Prometheus with its values, in the form that prom-client takes. */
export interface MetricFamily {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  values: { labels: Record<string, string | number>; value: number; metricName?: string }[];
}

/**
 * Who counted: `host`, one host since it started; `fleet`, all hosts and programs together, from Redis. A sum takes the series
 * of one scope.
 */
export type MetricScope = "host" | "fleet";

/** Upper bounds of the buckets of durations, seconds: doublings of 1 ms, then steps of four to an hour. */
const BOUNDS: readonly number[] = [
  ...Array.from({ length: 13 }, (_, power) => 2 ** power / 1000),
  ...[14, 16, 18, 20, 22].map((power) => 2 ** power / 1000),
];

const COUNT_HELP: Readonly<Record<TaskCount, string>> = {
  submitted: "Calls submitted; with scope=host those that this host was the first to start.",
  started: "Tries started.",
  completed: "Calls that ended with a value.",
  failed: "Calls whose last try failed.",
  retried: "Tries that failed and were followed by another one.",
  cancelled: "Calls that were cancelled, before they started or while they ran.",
  expired: "Calls that were dropped because they had not started in time.",
};

const DURATION_METRICS: Readonly<Record<TaskDuration, { name: string; help: string }>> = {
  wait: {
    name: "wait_seconds",
    help: "Time that calls waited for a host, from their submission, or the end of their delay, to their first start.",
  },
  run: { name: "run_seconds", help: "Time that one try took, failed ones included." },
  endToEnd: {
    name: "end_to_end_seconds",
    help: "Time from the submission of a call, or the end of its delay, to its last outcome.",
  },
};

/** Names of the metrics of tasks, in the order in which they are shown. */
export const TASK_METRICS: readonly string[] = [
  ...TASK_COUNTS.map((count) => `manyhands_task_${count}_total`),
  ...TASK_DURATIONS.map((duration) => `manyhands_task_${DURATION_METRICS[duration].name}`),
];

/** The metrics of tasks: the same on the page of a host and of the dashboard, but for their scope. */
export function taskMetrics(
  pairs: readonly { pool: string; task: string; counts: TaskCounts }[],
  scope: MetricScope,
): MetricFamily[] {
  const labelled = pairs.map(({ pool, task, counts }) => ({ labels: { pool, task, scope }, counts }));
  return [
    ...TASK_COUNTS.map(
      (count): MetricFamily => ({
        name: `manyhands_task_${count}_total`,
        help: COUNT_HELP[count],
        type: "counter",
        values: labelled.map(({ labels, counts }) => ({ labels, value: counts.get(count) })),
      }),
    ),
    ...TASK_DURATIONS.map((duration) => {
      const { name, help } = DURATION_METRICS[duration];
      const series = labelled.map(({ labels, counts }) => ({ labels, bins: counts.durations[duration] }));
      return histogram(`manyhands_task_${name}`, help, series);
    }),
  ];
}

/** A histogram of durations in seconds. */
export function histogram(
  name: string,
  help: string,
  series: readonly { labels: Record<string, string>; bins: DurationBins }[],
): MetricFamily {
  const values = series.flatMap(({ labels, bins }) => {
    const { count } = bins;
    return [
      ...BOUNDS.map((le) => ({
        labels: { ...labels, le },
        value: bins.countBelow(le * 1000),
        metricName: `${name}_bucket`,
      })),
      { labels: { ...labels, le: "+Inf" }, value: count, metricName: `${name}_bucket` },
      { labels, value: bins.micros / 1e6, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ];
  });
  return { name, help, type: "histogram", values };
}

/** Puts metrics into a registry of prom-client, whose own histograms cannot be given their buckets. */
export function registerMetrics(registry: object, families: readonly MetricFamily[]): void {
  const { registerMetric } = registry as { registerMetric(metric: object): void };
  for (const { name, help, type, values } of families) {
    const metric = { name, help, type, aggregator: "sum", labelNames: [], reset() {} };
    registerMetric.call(registry, { ...metric, get: async () => ({ ...metric, values }) });
  }
}
