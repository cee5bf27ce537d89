import { type LimitRule, readLimitRule, toLimitRule } from "../wire/records/limits.ts";
import type { AnnouncedOptions, TaskAnnouncement } from "../wire/records/records.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { mostArguments } from "./most-arguments.ts";
import { type AnyTask, checkTaskOptions, type TaskOptions } from "./task.ts";

/** Options of a task that hosts announce. */
const ANNOUNCED: readonly (keyof AnnouncedOptions)[] = [
  "attempts",
  "backoff",
  "fatal",
  "keep",
  "onDead",
  "timeout",
  "softTimeout",
  "priority",
  "resultTtl",
  "expires",
  "limits",
];

/** What a host tells of one of its tasks. */
export function announcementOf({ name, options, run }: AnyTask): TaskAnnouncement {
  const announced: Record<string, unknown> = {};
  for (const option of ANNOUNCED) {
    const value = announcedValue(option, options);
    // What is computed is known to the hosts alone.
    if (value !== undefined && typeof value !== "function") announced[option] = value;
  }
  const isolation = options.isolation ?? null;
  const takes = mostArguments(run);
  const schema = options.schema === undefined ? undefined : jsonSchemaOf(options.schema);
  return {
    name,
    isolation,
    ...(takes === undefined ? {} : { takes }),
    ...(Object.keys(announced).length === 0 ? {} : { options: announced as AnnouncedOptions }),
    ...(typeof options.backoff === "function" ? { computesBackoff: true } : {}),
    ...(schema === undefined ? {} : { schema }),
  };
}

function announcedValue(option: keyof AnnouncedOptions, options: Readonly<TaskOptions>): unknown {
  if (option === "fatal") return namesOf(options.fatal);
  if (option === "limits") return options.limits && toLimitRule("task", options.limits);
  return option === "onDead" && options.onDead !== undefined ? nameOf(options.onDead) : options[option];
}

function nameOf(task: string | { readonly name: string }): string {
  return typeof task === "string" ? task : task.name;
}

function namesOf(fatal: TaskOptions["fatal"]): string[] | undefined {
  return fatal?.map((one) => (typeof one === "string" ? one : one.name)).filter((name) => name !== "");
}

/** The options of an announcement, which comes over the wire: what no task can have counts as not said. */
export function announcedOptions(announcement: TaskAnnouncement | null | undefined): TaskOptions {
  const { name = "", options = {} } = announcement ?? {};
  const valid: Record<string, unknown> = {};
  for (const option of ANNOUNCED) {
    const value: unknown = options[option];
    // They are no option of a call.
    if (option === "limits") continue;
    if (value !== undefined && isTaskOption(name, { [option]: value })) valid[option] = value;
  }
  return valid as TaskOptions;
}

/** The limits of an announcement; undefined = it has none. */
export function announcedLimits(announcement: TaskAnnouncement | null | undefined): LimitRule | undefined {
  return readLimitRule(announcement?.options?.limits);
}

function isTaskOption(task: string, option: object): boolean {
  try {
    checkTaskOptions(`task "${task}"`, option as TaskOptions);
    return true;
  } catch {
    return false;
  }
}
