// The shapes of the API's answers, for the web app: types only, so that no schema gets into what a browser loads.
import type * as audit from "./audit-routes.ts";
import type * as failures from "./failure-schemas.ts";
import type * as findings from "./finding-schemas.ts";
import type * as objects from "./object-schemas.ts";
import type { z } from "./open-api.ts";
import type * as rates from "./rate-schemas.ts";
import type * as schedules from "./schedule-schemas.ts";
import type * as schemas from "./schemas.ts";
import type * as visitors from "./visitor-routes.ts";
import type * as workflows from "./workflow-schemas.ts";

export type Visitor = z.infer<typeof visitors.Visitor>;
export type AuditEntry = z.infer<typeof audit.AuditEntry>;
export type TaskState = z.infer<typeof schemas.TaskState>;
export type TaskRow = z.infer<typeof schemas.TaskRow>;
export type TaskView = z.infer<typeof schemas.TaskView>;
export type TaskLog = z.infer<typeof schemas.TaskLog>;
export type ErrorView = z.infer<typeof schemas.ErrorView>;
export type PoolView = z.infer<typeof schemas.PoolView>;
export type HostView = z.infer<typeof schemas.HostView>;
export type GoneHostView = z.infer<typeof schemas.GoneHostView>;
export type HostLog = z.infer<typeof schemas.HostLog>;
export type KnownTaskView = z.infer<typeof schemas.KnownTaskView>;
export type LimitRule = z.infer<typeof schemas.LimitRule>;
export type PoolLimitsView = z.infer<typeof schemas.PoolLimitsView>;
export type PoolRateRow = z.infer<typeof schemas.PoolRateRow>;
export type PoolCourseView = z.infer<typeof schemas.PoolCourseView>;
export type ProcessView = z.infer<typeof schemas.ProcessView>;
export type TaskLines = z.infer<typeof schemas.TaskLines>;
export type TaskLine = TaskLines["lines"][number];
export type Causes = z.infer<typeof schemas.Causes>;
export type CauseStep = Causes["steps"][number];
export type ValueView = z.infer<typeof schemas.ValueView>;
export type BulkAction = z.infer<typeof schemas.BulkAction>;
export type ObjectView = z.infer<typeof objects.ObjectView>;
export type ObjectPage = z.infer<typeof objects.ObjectPage>;
export type ObjectContents = z.infer<typeof objects.ObjectContents>;
export type WaitGraph = z.infer<typeof objects.WaitGraph>;
export type ScheduleView = z.infer<typeof schedules.ScheduleView>;
export type WorkflowRow = z.infer<typeof workflows.WorkflowRow>;
export type WorkflowPart = z.infer<typeof workflows.WorkflowPart>;
export type WorkflowTree = z.infer<typeof workflows.WorkflowTree>;
export type ScheduleRun = z.infer<typeof schedules.ScheduleRun>;
export type RateStep = z.infer<typeof rates.RateStep>;
export type RateMark = z.infer<typeof rates.RateMark>;

export type Failures = z.infer<typeof failures.Failures>;
export type FailureGroup = z.infer<typeof failures.FailureGroup>;
export type FailureDetail = z.infer<typeof failures.FailureDetail>;
export type Overview = z.infer<typeof findings.Overview>;
export type Finding = z.infer<typeof findings.Finding>;
export type FindingAction = Finding["actions"][number];
export type NavCounts = z.infer<typeof findings.NavCounts>;

/** The answer of `/rates`. */
export interface Rates {
  from: number;
  to: number;
  step: number;
  steps: RateStep[];
  marks: RateMark[];
}
