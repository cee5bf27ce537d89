import type { Milliseconds } from "../../time/index.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { type ErrorGroup, HOUR, MINUTE } from "../../work/rollups/index.ts";
import type { AttentionFinding } from "./finding.ts";

/** Fewer failures of a task in an hour are no finding. */
const FEW = 3;
/** From this share of its calls on, and so many times the hour before, a task that fails needs somebody now. */
const LARGE_SHARE = 0.2;
const RISEN = 2;

/** The failures of one task. */
export interface TaskFailures {
  task: string;
  /** The largest first, by the last hour. */
  groups: ErrorGroup[];
  failed: number;
  failedBefore: number;
}

/** Tasks that failed in the last hour, most failures first. @param groups - Of the last two hours. */
export function failingTasks(groups: readonly ErrorGroup[], at: number): TaskFailures[] {
  const tasks = new Map<string, ErrorGroup[]>();
  for (const group of groups) {
    if (group.task !== "") tasks.set(group.task, [...(tasks.get(group.task) ?? []), group]);
  }
  const found = [...tasks].map(([task, ofTask]) => {
    const inHour = (group: ErrorGroup): number => countIn(group, { from: at - HOUR, to: at });
    const sorted = [...ofTask].sort((left, right) => inHour(right) - inHour(left));
    const failed = sorted.reduce((sum, group) => sum + inHour(group), 0);
    const failedBefore = sorted.reduce((sum, group) => sum + countIn(group, { from: at - 2 * HOUR, to: at - HOUR }), 0);
    return { task, groups: sorted, failed, failedBefore };
  });
  return found.filter(({ failed }) => failed > 0).sort((left, right) => right.failed - left.failed);
}

/** Errors of a group in some time, to the minute. */
export function countIn({ minutes }: ErrorGroup, { from, to }: { from: number; to: number }): number {
  return minutes.reduce(
    (sum, { at, count }) => (at + MINUTE > from && at + MINUTE <= to + MINUTE ? sum + count : sum),
    0,
  );
}

/** How many calls of a task ended in the last hour, and in the hour before. */
export interface Ended {
  ended: number;
  endedBefore: number;
}

/** A task that fails often enough; null for one that fails now and then. */
export function failureFinding(
  failures: TaskFailures,
  { ended, endedBefore }: Ended,
  { at, hosts }: { at: number; hosts: readonly HostRecord[] },
): AttentionFinding | null {
  const { task, groups, failed, failedBefore } = failures;
  const [group] = groups;
  if (!group || failed < FEW) return null;
  const share = failed / Math.max(ended, failed);
  const failing = [...new Set(groups.flatMap((one) => one.hosts))];
  const others = hosts.filter(
    ({ name, tasks }) => !failing.includes(name) && tasks.some((known) => known.name === task),
  );
  const hasRisen = failed >= RISEN * Math.max(1, failedBefore);
  return {
    kind: "task-fails",
    level: share >= LARGE_SHARE && hasRisen ? "now" : "soon",
    since: beginning(group, at),
    ...{ task, failed, failedBefore },
    ...{ ended: Math.max(ended, failed), endedBefore: Math.max(endedBefore, failedBefore) },
    group: group.id,
    error: { name: group.name, message: group.message },
    pools: [...new Set(groups.flatMap(({ pools }) => pools))],
    hosts: failing,
    onlyHost: failing.length === 1 && others.length > 0 ? (failing[0] ?? null) : null,
  };
}

/** A silence of so long is the time before it began, ms. */
const SILENCE: Milliseconds = 30 * MINUTE;

/** Since when a group fails without a long silence, epoch ms. */
function beginning({ first, minutes }: ErrorGroup, at: number): number {
  let since = minutes.at(-1)?.at ?? at;
  for (const minute of minutes.toReversed()) {
    if (since - minute.at > SILENCE) break;
    since = minute.at;
  }
  return Math.max(first, since);
}
