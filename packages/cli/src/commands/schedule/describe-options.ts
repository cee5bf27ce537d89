import type { ScheduleView } from "@manyhands/core";
import { toJson } from "../../output/json-text.ts";
import { shorten } from "../../output/printer.ts";
import { duration, moment } from "../../output/times.ts";
import { describeTimes } from "./find-schedule.ts";

/** An option of a schedule: its value, and that in words; null = it is not set. */
type Described = readonly [option: string, value: unknown, text: string | null];

/** What a schedule was set with, its name aside. */
export function describeOptions(schedule: ScheduleView): Described[] {
  const { args, cron, every, timeZone, from, until, limit, jitter, tags, backoff, expires } = schedule;
  const as = <Value>(option: string, value: Value | null, text: (set: Value) => string): Described => [
    ...([option, value] as const),
    value === null ? null : text(value),
  ];
  return [
    as("task", schedule.task, String),
    as("arguments", args, () => shorten(args.map((arg) => toJson(arg)).join(" "), 200)),
    as("pool", schedule.pool, String),
    as("when", [cron, every, timeZone], () => describeTimes(schedule)),
    as("from", from, moment),
    as("until", until, moment),
    as("limit", limit, (runs) => `${runs} runs`),
    as("jitter", jitter || null, (most) => `up to ${duration(most)}`),
    as("overlap", schedule.overlap, String),
    as("missed", schedule.missed, String),
    as("tags", tags.length === 0 ? null : tags, (all) => all.join(", ")),
    as("priority", schedule.priority, String),
    as("attempts", schedule.attempts, String),
    as("backoff", backoff, describeBackoff),
    as("timeout", schedule.timeout, duration),
    as("soft timeout", schedule.softTimeout, duration),
    as("expires", expires, (time) => `${duration(time)} after it is due`),
    as("result ttl", schedule.resultTtl, duration),
    as("limit key", schedule.limitKey, String),
  ];
}

/** What has changed, in words: `attempts: 5 -> none`. */
export function changesOf(before: ScheduleView, after: ScheduleView): string[] {
  const now = describeOptions(after);
  return describeOptions(before).flatMap(([option, was, wasText], index) => {
    const [, is = null, isText = null] = now[index] ?? [];
    if (toJson(was) === toJson(is)) return [];
    // The words of times and of long arguments are short ones.
    const [from, to] = wasText === isText ? [toJson(was), toJson(is)] : [wasText ?? "none", isText ?? "none"];
    return [`${option}: ${shorten(from, 80)} -> ${shorten(to, 80)}`];
  });
}

function describeBackoff(backoff: NonNullable<ScheduleView["backoff"]>): string {
  if (typeof backoff === "number") return duration(backoff);
  const { type, delay, max, jitter } = backoff;
  const most = max === undefined ? "" : `, at most ${duration(max)}`;
  return `${type}, ${duration(delay)}${most}${jitter === undefined ? "" : `, jitter ${jitter}`}`;
}
