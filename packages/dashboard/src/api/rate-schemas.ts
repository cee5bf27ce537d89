import { z } from "./open-api.ts";

const Count = z.int().nullable().openapi({ description: "null: nothing is known of that time." });
const Percentiles = z
  .object({ p50: z.number(), p95: z.number() })
  .nullable()
  .openapi({ description: "Milliseconds; null: nothing was measured." });

export const RateStep = z
  .object({
    at: z.number().openapi({ description: "When it begins, milliseconds since the epoch." }),
    submitted: Count,
    completed: Count,
    failed: Count,
    wait: Percentiles,
    run: Percentiles,
  })
  .openapi("RateStep");

export const RateMark = z
  .object({
    at: z.number(),
    kind: z.enum(["host started", "host drains", "first failure"]),
    name: z.string().openapi({ description: "Of the host, or of the task." }),
  })
  .openapi("RateMark");
