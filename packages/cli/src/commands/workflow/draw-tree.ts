import { plural, type WorkflowPart, type WorkflowRow } from "@manyhands/core/internal";

/** Parts of one kind that follow each other are one line from so many on. */
const FOLDED_FROM = 6;

/** Signs of the states, which also terminals without colours tell apart. */
const SIGNS: Readonly<Record<WorkflowPart["state"], string>> = {
  completed: "✓",
  failed: "✗",
  active: "▶",
  waiting: "…",
  prioritized: "…",
  delayed: "◷",
  blocked: "⊘",
  pending: "·",
  stopped: "–",
};

/** The tree of a workflow as lines of text: equal parts of a large group are one line with their counts. */
export function drawTree(root: WorkflowPart): string[] {
  return [lineOf(root), ...linesBelow(root, "")];
}

function linesBelow(part: WorkflowPart, indent: string): string[] {
  const left = part.count - part.parts.length;
  const runs = foldRuns(part.parts);
  const entries = [
    ...runs.map((run) => (run.length === 1 ? { part: run[0] as WorkflowPart } : { text: folded(run) })),
    ...(left > 0 ? [{ text: `… and ${plural(left, "more part")}; --parts shows more` }] : []),
  ];
  return entries.flatMap((entry, index) => {
    const isLast = index === entries.length - 1;
    const branch = `${indent}${isLast ? "└─ " : "├─ "}`;
    if ("text" in entry) return [`${branch}${entry.text}`];
    return [`${branch}${lineOf(entry.part)}`, ...linesBelow(entry.part, `${indent}${isLast ? "   " : "│  "}`)];
  });
}

/** Steps of one task in one state that follow each other, where there are many. */
function foldRuns(parts: readonly WorkflowPart[]): WorkflowPart[][] {
  const runs: WorkflowPart[][] = [];
  for (const part of parts) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const isSame =
      first?.kind === "step" &&
      first.task === part.task &&
      first.state === part.state &&
      first.blockedBy === part.blockedBy;
    if (run && isSame) run.push(part);
    else runs.push([part]);
  }
  return runs.flatMap((run) => (run.length < FOLDED_FROM ? run.map((one) => [one]) : [run]));
}

function folded(run: readonly WorkflowPart[]): string {
  const [first] = run;
  const last = run.at(-1);
  const ids = `${first?.jobId} to ${last?.jobId}`;
  return `${SIGNS[first?.state ?? "pending"]} ${run.length} × ${first?.task}  ${first?.state}  ${ids}${whyOf(first)}`;
}

/** Why it is blocked. */
function whyOf(part: WorkflowPart | undefined): string {
  return part?.blockedBy ? `: ${part.blockedBy}` : "";
}

function lineOf(part: WorkflowPart): string {
  const { kind, state, task, pool, jobId, count, ended, errors } = part;
  const sign = SIGNS[state];
  if (kind === "step") return `${sign} ${task}  ${state}  ${jobId}  in pool "${pool}"${whyOf(part)}`;
  const progress = kind === "group" && ended !== null ? `, ${ended} ended` : "";
  const returns = errors === "return" ? ", errors are returned" : "";
  return `${sign} ${kind} of ${plural(count, "part")}  ${state}${progress}${returns}`;
}

/** `3 of 10 completed, 1 failed, 2 in line, 4 pending`. */
export function countsOf({ steps }: Pick<WorkflowRow, "steps">): string {
  const { total, completed, failed, released, pending, stopped } = steps;
  const others: [number, string][] = [
    [failed, "failed"],
    [released, "waiting or running"],
    [pending, "pending"],
    [stopped, "stopped"],
  ];
  const words = others.filter(([amount]) => amount > 0).map(([amount, word]) => `${amount} ${word}`);
  return [`${completed} of ${total} completed`, ...words].join(", ");
}
