import type { ScheduleView } from "@manyhands/core";
import { MISSED, type Missed, OVERLAPS, type Overlap } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { moment as printedMoment } from "../../output/times.ts";
import { futureMoment, readSpan } from "../../parse/moment.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { assertTaskKnown, waitForHostOption } from "../submit/destination.ts";
import { readArguments } from "../submit/read-arguments.ts";
import { changesOf } from "./describe-options.ts";

interface Options {
  argsFile?: string;
  cron?: string;
  every?: number;
  timeZone?: string;
  from?: number;
  until?: number;
  limit?: number;
  jitter?: number;
  overlap?: Overlap;
  missed?: Missed;
  pool?: string;
  tag?: string[];
  priority?: number;
  attempts?: number;
  backoff?: NonNullable<ScheduleView["backoff"]>;
  timeout?: number;
  softTimeout?: number;
  expires?: number;
  resultTtl?: number;
  limitKey?: string;
  waitForHost?: true;
}

/** `manyhands schedule add <name> <task> [json…]` */
export function scheduleAddCommand(): Command {
  const command = newCommand("add", {
    summary: "run a task at due times; a schedule of that name is changed",
    examples: [
      ["manyhands schedule add nightly report '\"all\"' --cron '0 3 * * *' --time-zone Europe/Berlin", "each night"],
      ["manyhands schedule add poll fetchNews --every 5m --overlap skip", "one at a time"],
    ],
  });
  return command
    .argument("<name>", "name of the schedule")
    .argument("<task>", "name of the task")
    .argument("[json...]", "one JSON value per argument; - reads a JSON array of all arguments from stdin")
    .option("--args-file <file>", "read a JSON array of all arguments from a file; - is stdin")
    .option("--cron <fields>", "minute hour day month weekday, or a word such as @daily")
    .option(
      "--every <time>",
      "in place of --cron: time between two due times, such as 30s, 5m, 1h, or ms",
      span("--every"),
    )
    .option("--time-zone <name>", "of --cron, such as Europe/Berlin; without it UTC")
    .option("--from <time>", "no run is due before: 2h from now, or a date or time", futureMoment("--from"))
    .option("--until <time>", "no run is due after: 7d from now, or a date or time", futureMoment("--until"))
    .option("--limit <n>", "end after so many runs", wholeNumber("--limit", { from: 1 }))
    .option("--jitter <time>", "start each run up to so much late", span("--jitter"))
    .addOption(new Option("--overlap <how>", "a run is due and the one before has not ended").choices(OVERLAPS))
    .addOption(new Option("--missed <which>", "due times that no host has seen to in time").choices(MISSED))
    .option("--pool <name>", "pool of its runs")
    .option("--tag <text>", "label to search by; may be repeated", (text, all: string[] = []) => [...all, text])
    .option("--priority <n>", "1 is first", wholeNumber("--priority", { from: 1, to: 2_097_151 }))
    .option("--attempts <n>", "tries of a run in total", wholeNumber("--attempts", { from: 1, to: 1_000 }))
    .option("--backoff <time>", "between tries, such as 30s, or exponential:1s, or exponential:1s:10m", backoff)
    .option("--timeout <time>", "limit of a run: its child is killed", span("--timeout"))
    .option("--soft-timeout <time>", "after this time the signal of a run is aborted", span("--soft-timeout"))
    .option("--expires <time>", "drop a run that has not been started by then", span("--expires"))
    .option("--result-ttl <time>", "keep the answer of a run for so long", span("--result-ttl"))
    .option("--limit-key <text>", "the key that limits count its runs under")
    .addOption(waitForHostOption())
    .action(
      onNamespace<Options>(async ({ args, options, printer, inspector }) => {
        const [name, task] = [String(args[0]), String(args[1])];
        const values = await readArguments((args[2] ?? []) as string[], options.argsFile);
        assertTaskKnown(task, await inspector.fleet.list(), options.waitForHost);
        const { argsFile: _, tag, waitForHost: __, ...more } = options;
        const given = { ...more, ...(tag && { tags: tag }) };
        const known = await inspector.schedules.get(name);
        const schedule = await inspector.schedules.set(name, task, values, given);
        const changes = known === null ? [] : changesOf(known, schedule);
        const isSame = known?.changedAt === schedule.changedAt;
        const what = known === null ? "is set" : isSame ? "is as it was" : "is changed";
        const next = schedule.next === null ? `it is ${schedule.state}` : `next run ${printedMoment(schedule.next)}`;
        const file =
          schedule.file === null ? "" : `; it is of the file "${schedule.file}", which hosts apply when they start`;
        printer.change({ ...schedule, changes }, [
          `schedule "${name}" ${what}: ${next}${file}`,
          ...changes.map((change) => `  ${change}`),
        ]);
      }),
    );
}

/** `30s`, `exponential:1s`, or with the longest wait `exponential:1s:10m`. */
function backoff(text: string): NonNullable<ScheduleView["backoff"]> {
  const [kind, delay, max, ...more] = text.split(":");
  if (delay === undefined) return span("--backoff")(text);
  if ((kind !== "exponential" && kind !== "fixed") || more.length > 0 || (kind === "fixed" && max !== undefined)) {
    throw new UsageError(
      `--backoff must be a time such as 30s, or exponential:<first>[:<longest>], such as exponential:1s:10m; got "${text}"`,
    );
  }
  const read = span("--backoff");
  return { type: kind, delay: read(delay), ...(max !== undefined && { max: read(max) }) };
}

/** A parser of commander for an option that is a time: `30s`, `5m`, or milliseconds. */
function span(option: string): (text: string) => number {
  return (text) => {
    const milliseconds = /^\d+$/.test(text) ? Number(text) : readSpan(text);
    if (Number.isFinite(milliseconds)) return milliseconds;
    throw new UsageError(`${option} must be a time such as 500ms, 30s, 5m, 24h or 7d, or milliseconds; got "${text}"`);
  };
}
