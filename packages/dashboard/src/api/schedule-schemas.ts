import { MISSED, OVERLAPS } from "@manyhands/core/internal";
import { z } from "./open-api.ts";
import { TaskState } from "./schemas.ts";

const Time = z.number().openapi({ description: "Milliseconds since the epoch." });
const duration = z.number().min(0).openapi({ description: "Milliseconds." });

export const ScheduleRun = z
  .object({
    due: Time,
    at: Time.openapi({ description: "When a host saw to it, milliseconds since the epoch." }),
    outcome: z.enum(["started", "skipped", "queued", "missed", "manual"]),
    id: z.string().nullable().openapi({ description: "Of its task." }),
    pool: z
      .string()
      .nullable()
      .openapi({ description: "Of its task: the schedule may have had another one then. Null = it has no task." }),
    count: z.int().openapi({ description: "Due times that this entry stands for." }),
    state: TaskState.nullable().openapi({
      description: "Of its task, as it is now: how the run has ended. Null = it has no task, or none that is kept.",
    }),
  })
  .openapi("ScheduleRun");

const Backoff = z
  .union([
    duration,
    z.strictObject({
      type: z.enum(["fixed", "exponential"]),
      delay: duration,
      max: duration.optional().openapi({ description: "Longest wait of an exponential one." }),
      jitter: z.number().min(0).max(1).optional().openapi({ description: "Share of the delay that is random." }),
    }),
  ])
  .openapi({ description: "Milliseconds between tries, or how they grow." });

const OwnOption = "Of its runs, as it was set; null = that of the task holds.";

export const ScheduleView = z
  .object({
    name: z.string(),
    task: z.string(),
    args: z.array(z.unknown()),
    cron: z.string().nullable(),
    every: duration.nullable(),
    timeZone: z.string(),
    from: Time.nullable(),
    until: Time.nullable(),
    limit: z.int().nullable(),
    jitter: duration,
    overlap: z.enum(OVERLAPS),
    missed: z.enum(MISSED),
    pool: z.string(),
    tags: z.array(z.string()),
    priority: z.int().nullable().openapi({ description: OwnOption }),
    attempts: z.int().nullable().openapi({ description: OwnOption }),
    backoff: Backoff.nullable().openapi({ description: OwnOption }),
    timeout: duration.nullable().openapi({ description: OwnOption }),
    softTimeout: duration.nullable().openapi({ description: OwnOption }),
    expires: duration.nullable().openapi({ description: OwnOption }),
    resultTtl: duration.nullable().openapi({ description: OwnOption }),
    limitKey: z.string().nullable().openapi({ description: OwnOption }),
    state: z.enum(["active", "paused", "ended"]),
    next: Time.nullable(),
    createdAt: Time,
    changedAt: Time,
    runs: z.int(),
    skipped: z.int(),
    missedCount: z.int(),
    queued: z.int(),
    lastId: z.string().nullable(),
    file: z.string().nullable().openapi({ description: "File of schedules that sets it; null = set by hand." }),
    lastRuns: z.array(ScheduleRun).openapi({ description: "The newest first: 50, in the list 12." }),
  })
  .openapi("Schedule");

export const ScheduleOptions = z
  .strictObject({
    task: z.string().min(1),
    args: z.array(z.unknown()).default([]),
    cron: z.string().optional().openapi({ example: "0 3 * * *" }),
    every: duration.optional(),
    timeZone: z.string().optional().openapi({ example: "Europe/Berlin" }),
    from: Time.optional(),
    until: Time.optional(),
    limit: z.int().min(1).optional(),
    jitter: duration.optional(),
    overlap: z.enum(OVERLAPS).optional(),
    missed: z.enum(MISSED).optional(),
    pool: z.string().min(1).optional(),
    tags: z.array(z.string()).optional(),
    priority: z.int().min(1).optional(),
    attempts: z.int().min(1).optional(),
    backoff: Backoff.optional(),
    timeout: duration.optional(),
    softTimeout: duration.optional(),
    expires: duration.optional(),
    resultTtl: duration.optional(),
    limitKey: z.string().optional().openapi({ description: "The key that limits count its runs under." }),
  })
  .openapi("ScheduleOptions");
