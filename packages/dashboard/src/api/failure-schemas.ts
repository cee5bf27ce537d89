import { z } from "./open-api.ts";
import { ErrorView, TaskRow } from "./schemas.ts";

const Time = z.number().openapi({ description: "Milliseconds since the epoch." });
const Step = z.object({ at: Time, count: z.int() });

const group = {
  id: z.string().openapi({ example: "15f86cd0856a" }),
  task: z.string().openapi({ description: '"": what is over the most groups.' }),
  error: z.object({ name: z.string(), message: z.string().openapi({ description: "First line of the last one." }) }),
  frame: z.string().openapi({ description: 'Function and file of the task\'s code that threw; "": not known.' }),
  ...{ first: Time, last: Time },
  count: z.int().openapi({ description: "In the time that was asked for." }),
  total: z.int().openapi({ description: "Since the first." }),
  trend: z.enum(["once", "new", "rising", "steady", "falling"]),
  bars: z.array(z.int()).openapi({ description: "The time that was asked for in equal parts, the oldest first." }),
  hosts: z.array(z.string()).openapi({ description: "The latest five." }),
  pools: z.array(z.string()).openapi({ description: "The latest five." }),
};

export const FailureGroup = z.object(group).openapi("FailureGroup");

export const Failures = z
  .object({
    ...{ from: Time, to: Time },
    count: z.int().openapi({ description: "Failed in that time, in all groups." }),
    completed: z.int().openapi({ description: "Completed in that time, up to 7 days." }),
    groups: z.array(FailureGroup).openapi({ description: "Most failures first." }),
    hasMore: z.boolean().openapi({ description: "There are more groups than are told." }),
  })
  .openapi("Failures");

export const FailureDetail = z
  .object({
    ...group,
    ...{ from: Time, to: Time, step: z.number() },
    steps: z.array(Step),
    ended: z.int().nullable().openapi({ description: "Calls of the task that ended in that time; null: not known." }),
    dead: z.int().openapi({ description: "Failed tasks of it that are kept." }),
    selection: z
      .object({ task: z.string(), state: z.literal("failed"), error: z.string() })
      .openapi({ description: "The query that means them: for `/tasks` and `/task-actions`." }),
    hostCounts: z.array(z.object({ name: z.string(), count: z.int() })).openapi({ description: "Of the newest ones." }),
    tries: z.array(z.int()).openapi({ description: "Of the newest ones, how many failed with the 1st, 2nd, … try." }),
    sampled: z.int().openapi({ description: "How many the newest ones are." }),
    versions: z.array(z.object({ host: z.string(), version: z.string(), startedAt: Time })),
    before: z
      .array(z.object({ name: z.string(), at: Time }))
      .openapi({ description: "Hosts that started shortly before the first failure." }),
    newest: ErrorView.nullable(),
    examples: z.array(
      z.object({ ...TaskRow.shape, attempts: z.int(), args: z.unknown().openapi({ description: "Any value." }) }),
    ),
  })
  .openapi("FailureDetail");
