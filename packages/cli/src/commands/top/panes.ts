import type { HostGlance, Overview, PoolGlance, RecentFailure, RunningAnnouncement } from "@manyhands/core/internal";
import { colors } from "../../output/colors.ts";
import type { Column } from "../../output/table.ts";
import { duration, megabytes } from "../../output/times.ts";
import { describeHostState } from "../host/describe-state.ts";
import { describeSize } from "../pool/pool-size.ts";

/** One list of the screen. */
export interface Pane<Row = unknown> {
  name: PaneName;
  columns: readonly PaneColumn<Row>[];
  /** Heading of the column that decides the order at first. */
  sortedBy: string;
  rows: (overview: Overview) => Row[];
  /** The same row in the next look. */
  key: (row: Row) => string;
  /** What a filter looks in. */
  names: (row: Row) => readonly (string | null)[];
  /** Said in place of rows. */
  empty: string;
}

export type PaneName = "pools" | "hosts" | "running" | "failures";

export interface PaneColumn<Row> extends Column<Row> {
  /** What the order goes by: numbers from the highest down, texts from A on. */
  by: (row: Row) => number | string;
}

/** A task at work, and where. */
export interface RunningTask extends RunningAnnouncement {
  host: string;
}

const pools: Pane<PoolGlance> = {
  name: "pools",
  sortedBy: "WAITING",
  rows: ({ pools: found }) => found,
  key: ({ name }) => name,
  names: ({ name }) => [name],
  empty: "no pools yet",
  columns: [
    { heading: "POOL", cell: ({ name }) => name, by: ({ name }) => name, min: 12 },
    {
      heading: "STATE",
      cell: stateOf,
      by: stateOf,
      paint: (text, pool) => (stateOf(pool) === "running" ? text : colors.yellow(text)),
      drop: 6,
    },
    figure("WAITING", ({ jobs }) => jobs.waiting + jobs.prioritized + jobs.limited),
    figure("ACTIVE", ({ jobs }) => jobs.active),
    figure("DELAYED", ({ jobs }) => jobs.delayed - jobs.limited, { drop: 3 }),
    figure("DONE/S", ({ completedPerSecond }) => completedPerSecond, { text: rate }),
    figure("FAIL/S", ({ failedPerSecond }) => failedPerSecond, {
      text: rate,
      paint: (text, { failedPerSecond }) => (failedPerSecond > 0 ? colors.red(text) : text),
      drop: 7,
    }),
    figure("FAILED", ({ jobs }) => jobs.failed, { drop: 2 }),
    figure("OLDEST", ({ oldestWaiting }) => oldestWaiting, { text: duration, drop: 5 }),
    figure("HOSTS", ({ hosts: count }) => count, {
      paint: (text, pool) => (pool.hosts === 0 && pool.jobs.waiting > 0 ? colors.red(text) : text),
      drop: 4,
    }),
    figure("SIZE", ({ size }) => size ?? Number.POSITIVE_INFINITY, {
      text: (_, { size }) => describeSize(size),
      drop: 1,
    }),
  ],
};

const hosts: Pane<HostGlance> = {
  name: "hosts",
  sortedBy: "HOST",
  rows: ({ hosts: found }) => found,
  key: ({ id }) => id,
  names: ({ name, hostname, id }) => [name, hostname, id],
  empty: "no host is running; start one with: manyhands worker --tasks <module>",
  columns: [
    { heading: "HOST", cell: ({ name }) => name, by: ({ name }) => name, min: 12, max: 40 },
    {
      heading: "STATE",
      cell: describeHostState,
      by: describeHostState,
      paint: (text, { state }) => (state === "running" ? text : colors.yellow(text)),
      min: 8,
      max: 60,
    },
    figure("BUSY", ({ running: { length } }) => length, { text: (busy, { slots }) => `${busy}/${slots}` }),
    figure("DONE/S", ({ finishedPerSecond }) => finishedPerSecond, { text: rate, drop: 7 }),
    figure("DONE", ({ completed }) => completed, { drop: 4 }),
    figure("FAILED", ({ failed }) => failed, { drop: 5 }),
    figure("MEMORY", ({ memory }) => memory, { text: (_, { memory }) => megabytes(memory), drop: 6 }),
    figure("UP", ({ startedAt }) => ageOf(startedAt), { text: duration, drop: 3 }),
    { heading: "MACHINE", cell: ({ hostname }) => hostname, by: ({ hostname }) => hostname, min: 8, max: 30, drop: 1 },
    { heading: "POOLS", cell: poolsOf, by: poolsOf, min: 8, max: 30, drop: 2 },
  ],
};

const running: Pane<RunningTask> = {
  name: "running",
  sortedBy: "FOR",
  rows: ({ hosts: found }) => found.flatMap((host) => host.running.map((run) => ({ ...run, host: host.name }))),
  key: ({ pool, jobId }) => `${pool} ${jobId}`,
  names: ({ task, jobId, pool, host }) => [task, jobId, pool, host],
  empty: "nothing runs",
  columns: [
    { heading: "RUNNING TASK", cell: ({ task }) => task, by: ({ task }) => task, min: 12, max: 40 },
    { heading: "ID", cell: ({ jobId }) => jobId, by: ({ jobId }) => jobId },
    { heading: "POOL", cell: ({ pool }) => pool, by: ({ pool }) => pool, min: 8, drop: 2 },
    { heading: "HOST", cell: ({ host }) => host, by: ({ host }) => host, min: 8, drop: 3 },
    figure("PID", ({ pid }) => pid, { drop: 1 }),
    figure("FOR", ({ since }) => ageOf(since), { text: duration }),
  ],
};

const failures: Pane<RecentFailure> = {
  name: "failures",
  sortedBy: "AGO",
  rows: ({ failures: found }) => found,
  key: ({ pool, id }) => `${pool} ${id}`,
  names: ({ task, id, pool, host, reason }) => [task, id, pool, host, reason],
  empty: "no failures are kept",
  columns: [
    { heading: "FAILED TASK", cell: ({ task }) => task, by: ({ task }) => task, min: 12, max: 40 },
    { heading: "ID", cell: ({ id }) => id, by: ({ id }) => id, drop: 4 },
    { heading: "POOL", cell: ({ pool }) => pool, by: ({ pool }) => pool, min: 8, drop: 2 },
    { heading: "HOST", cell: ({ host }) => host ?? "-", by: ({ host }) => host ?? "", min: 8, drop: 1 },
    figure("TRIES", ({ attemptsMade }) => attemptsMade, { drop: 3 }),
    // The newest first, as with all figures the highest.
    figure("AGO", ({ finishedAt }) => finishedAt, { text: (_, { finishedAt }) => duration(ageOf(finishedAt)) }),
    {
      heading: "ERROR",
      cell: ({ reason }) => reason.replaceAll(/\s+/g, " "),
      by: ({ reason }) => reason,
      paint: (text) => colors.red(text),
      min: 16,
      drop: 5,
    },
  ],
};

/** In the order of the screen. */
export const PANES: readonly Pane[] = [pools, hosts, running, failures] as unknown as readonly Pane[];

interface Figure<Row> extends Pick<PaneColumn<Row>, "drop" | "paint"> {
  /** @defaultValue its digits */
  text?: (value: number | null, row: Row) => string;
}

/** A column of numbers. */
function figure<Row>(
  heading: string,
  value: (row: Row) => number | null,
  { text = (number) => String(number), ...more }: Figure<Row> = {},
): PaneColumn<Row> {
  return {
    heading,
    cell: (row) => text(value(row), row),
    by: (row) => value(row) ?? Number.NEGATIVE_INFINITY,
    align: "right",
    ...more,
  };
}

function stateOf({ paused, state }: PoolGlance): string {
  return paused && state === "running" ? "paused" : state;
}

/** `12`, `0.4`; `-` where it is not known. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return "-";
  return perSecond === 0 || perSecond >= 10 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function poolsOf(host: HostGlance): string {
  return host.pools?.join(",") ?? "all";
}

function ageOf(time: number): number {
  return Math.max(0, Date.now() - time);
}
