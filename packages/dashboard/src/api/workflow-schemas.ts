import { z } from "./open-api.ts";
import { ErrorView } from "./schemas.ts";

const Time = z.number().openapi({ description: "Milliseconds since the epoch." });

export const StepCounts = z
  .object({
    total: z.int(),
    pending: z.int().openapi({ description: "Their turn has not come yet." }),
    released: z.int().openapi({ description: "They wait in their pool, or run." }),
    completed: z.int(),
    failed: z.int(),
    stopped: z.int().openapi({ description: "Their turn had come when the workflow was stopped." }),
  })
  .openapi("StepCounts");

export const WorkflowState = z.enum(["waiting", "active", "completed", "failed", "cancelled"]);

export const WorkflowRow = z
  .object({
    id: z.string(),
    state: WorkflowState,
    name: z.string().openapi({ description: "Tasks of its first and last step." }),
    tags: z.array(z.string()),
    createdAt: Time,
    finishedAt: Time.nullable(),
    steps: StepCounts,
    failedReason: z.string().nullable(),
  })
  .openapi("WorkflowRow");

const PartState = z.enum([
  ...(["pending", "waiting", "prioritized", "delayed", "blocked", "active", "completed", "failed", "stopped"] as const),
]);

interface PartShape {
  number: number;
  kind: "step" | "chain" | "group";
  state: z.infer<typeof PartState>;
  pool: string | null;
  task: string | null;
  jobId: string | null;
  blockedBy: string | null;
  errors: "fail" | "return" | null;
  count: number;
  ended: number | null;
  parts: PartShape[];
}

export const WorkflowPart: z.ZodType<PartShape> = z
  .object({
    number: z.int().openapi({ description: "0 is the whole." }),
    kind: z.enum(["step", "chain", "group"]),
    state: PartState.openapi({ description: "Of a step that is in line, that of its task." }),
    pool: z.string().nullable(),
    task: z.string().nullable(),
    jobId: z.string().nullable().openapi({ description: "Of a step: GET /api/v1/tasks/{id} shows it." }),
    blockedBy: z.string().nullable().openapi({ description: "Of a step that is blocked: why, and what would help." }),
    errors: z.enum(["fail", "return"]).nullable(),
    count: z.int().openapi({ description: "Parts, also those that are left out." }),
    ended: z.int().nullable().openapi({ description: "Of a group: parts that have ended." }),
    get parts() {
      return z.array(WorkflowPart);
    },
  })
  .openapi("WorkflowPart");

export const WorkflowTree = WorkflowRow.extend({
  nodes: z.int(),
  error: ErrorView.nullable(),
  failedStep: z.object({ id: z.string(), task: z.string() }).nullable(),
  root: WorkflowPart,
}).openapi("Workflow");
