import type { FoundTask } from "@manyhands/core/internal";
import type { Column } from "../../output/printer.ts";
import { duration, relative } from "../../output/times.ts";

/** How tasks are shown in a table. */
export const TASK_COLUMNS: readonly Column<FoundTask>[] = [
  { heading: "ID", cell: (task) => task.id },
  { heading: "TASK", cell: (task) => task.name, min: 12 },
  { heading: "POOL", cell: (task) => task.pool, min: 8, drop: 4 },
  { heading: "STATE", cell: describeState },
  { heading: "TRIES", cell: (task) => String(task.attemptsMade), align: "right", drop: 2 },
  { heading: "HOST", cell: (task) => task.host ?? "-", min: 8, drop: 3 },
  { heading: "SUBMITTED", cell: (task) => relative(task.createdAt), drop: 6 },
  { heading: "TOOK", cell: (task) => runTime(task), align: "right", drop: 5 },
  { heading: "TAGS", cell: (task) => task.tags.join(" "), max: 30, min: 8, drop: 1 },
  { heading: "FAILURE", cell: (task) => oneLine(task.failedReason ?? ""), max: 50, min: 16, drop: 7 },
];

function describeState({ state, limit }: FoundTask): string {
  if (limit === null) return state;
  return limit.nextAt === null ? `${state} (limit)` : `${state} (limit, next ${relative(limit.nextAt)})`;
}

function runTime(task: FoundTask): string {
  if (task.startedAt === null) return "-";
  return duration(Math.max(0, (task.finishedAt ?? Date.now()) - task.startedAt));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
