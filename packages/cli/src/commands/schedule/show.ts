import type { ScheduleRun, ScheduleView } from "@manyhands/core";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { toJson } from "../../output/json-text.ts";
import { shorten } from "../../output/printer.ts";
import { duration, moment } from "../../output/times.ts";
import { describeTimes, findSchedule } from "./find-schedule.ts";

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
      const schedule = await findSchedule(connection, String(args[0]));
      const times = await connection.inspector.schedules.next(schedule.name, TIMES);
      printer.record({ ...schedule, nextTimes: times }, fieldsOf(schedule, times));
    }),
  );
}

function fieldsOf(schedule: ScheduleView, times: readonly number[]): [string, string][] {
  const { from, until, limit, jitter } = schedule;
  return [
    ["name", schedule.name],
    ["state", schedule.state],
    ["task", schedule.task],
    ["arguments", shorten(schedule.args.map((arg) => toJson(arg)).join(" "), 200)],
    ["pool", schedule.pool],
    ["when", describeTimes(schedule)],
    ...(from === null ? [] : ([["from", moment(from)]] as [string, string][])),
    ...(until === null ? [] : ([["until", moment(until)]] as [string, string][])),
    ...(limit === null ? [] : ([["limit", `${limit} runs`]] as [string, string][])),
    ...(jitter === 0 ? [] : ([["jitter", `up to ${duration(jitter)}`]] as [string, string][])),
    ["overlap", schedule.overlap],
    ["missed", schedule.missed],
    ...(schedule.tags.length === 0 ? [] : ([["tags", schedule.tags.join(", ")]] as [string, string][])),
    ...(schedule.file === null ? [] : ([["file", schedule.file]] as [string, string][])),
    ["next", schedule.state === "active" ? times.map(moment).join("\n") : "-"],
    ["runs", `${schedule.runs}, ${schedule.skipped} skipped, ${schedule.missedCount} missed, ${schedule.queued} wait`],
    ["last", schedule.lastRuns.slice(0, RUNS).map(describeRun).join("\n") || "-"],
    ["created", moment(schedule.createdAt)],
    ["changed", moment(schedule.changedAt)],
  ];
}

function describeRun({ due, at, outcome, id, count }: ScheduleRun): string {
  const late = at - due;
  if (outcome === "missed") return `${moment(due)}  missed, ${count} in all`;
  return `${moment(due)}  ${outcome}${id === null ? "" : ` ${id}`}${late > 1_000 ? `, ${duration(late)} late` : ""}`;
}
