import type { ScheduleRun, ScheduleView, TaskState } from "@manyhands/core";
import { describeUnserved, isServed, LATE_SCHEDULE } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import type { Field } from "../../output/printer.ts";
import { duration, moment } from "../../output/times.ts";
import { describeOptions } from "./describe-options.ts";
import { findSchedule } from "./find-schedule.ts";

/** Due times that are shown, and last ones. */
const TIMES = 5;
const RUNS = 10;

/** `manyhands schedule show <name>` */
export function scheduleShowCommand(): Command {
  const command = newCommand("show", {
    summary: "show one schedule: when it runs next, and what became of its last due times",
    examples: [["manyhands schedule show nightly", "with its next five due times"]],
  });
  return command.argument("<name>", "name of the schedule").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const { inspector, client } = connection;
      const schedule = await findSchedule(connection, String(args[0]));
      const { name, pool, task, lastRuns } = schedule;
      const [nextTimes, hosts, [seconds], ...states] = await Promise.all([
        inspector.schedules.next(name, TIMES),
        inspector.fleet.list(),
        client.time(),
        ...lastRuns
          .slice(0, RUNS)
          .map(async ({ id, pool: of }) => (id === null ? null : inspector.tasks.state(id, { pool: of ?? pool }))),
      ]);
      const trouble = isServed(hosts, pool, task) ? null : describeUnserved(hosts, pool, task);
      const drift = driftOf(schedule);
      const late = lateBy(schedule, Number(seconds) * 1_000);
      printer.record(
        { ...schedule, nextTimes, drift, late, trouble, lastStates: states },
        fieldsOf(schedule, { nextTimes, drift, late, trouble, states }),
      );
    }),
  );
}

interface Facts {
  nextTimes: readonly number[];
  /** How late the last runs were started, ms. */
  drift: number | null;
  /** How late the next run is, ms. */
  late: number | null;
  /** Why no host can start its runs. */
  trouble: string | null;
  /** Of the tasks of the last runs. */
  states: readonly (TaskState | null)[];
}

/** The median of the last runs that were started at their time; 0 to `jitter` of it is meant. */
function driftOf({ lastRuns }: ScheduleView): number | null {
  const drifts = lastRuns.filter(({ outcome }) => outcome === "started").map(({ due, at }) => at - due);
  return drifts.sort((left, right) => left - right)[Math.floor(drifts.length / 2)] ?? null;
}

function lateBy({ next }: ScheduleView, now: number): number | null {
  return next !== null && now - next > LATE_SCHEDULE ? now - next : null;
}

function fieldsOf(schedule: ScheduleView, facts: Facts): Field[] {
  const { nextTimes: times, drift, late, trouble, states } = facts;
  const last = schedule.lastRuns.slice(0, RUNS).map((run, index) => describeRun(run, states[index] ?? null));
  return [
    ["name", schedule.name],
    ["state", schedule.state],
    ...describeOptions(schedule).flatMap(([name, , text]): Field[] => (text === null ? [] : [[name, text]])),
    ...(schedule.file === null ? [] : ([["file", schedule.file]] as [string, string][])),
    ...(trouble === null ? [] : ([["trouble", trouble.split("; ")]] as Field[])),
    ...(late === null ? [] : ([["late", `by ${duration(late)}: no host has started its run`]] as [string, string][])),
    ["next", schedule.state === "active" ? times.map((time) => moment(time)) : "-"],
    ["runs", `${schedule.runs}, ${schedule.skipped} skipped, ${schedule.missedCount} missed, ${schedule.queued} wait`],
    ...(drift === null ? [] : ([["drift", `${duration(drift)} late, median of the last runs`]] as [string, string][])),
    ["last", last.length === 0 ? "-" : last],
    ["created", moment(schedule.createdAt)],
    ["changed", moment(schedule.changedAt)],
  ];
}

function describeRun({ due, at, outcome, id, count }: ScheduleRun, state: TaskState | null): string {
  const late = at - due;
  if (outcome === "missed") return `${moment(due)}  missed, ${count} in all`;
  const task = id === null ? "" : ` ${id}, ${state === null || state === "unknown" ? "no longer kept" : state}`;
  return `${moment(due)}  ${outcome}${task}${late > 1_000 ? `, ${duration(late)} late` : ""}`;
}
