import { type TaskView as Task, TaskUnknownError } from "@manyhands/core";
import { partAt, type ValueNode, type ValueTreeOptions, valueTree } from "@manyhands/core/internal";
import { HIDDEN, type Redaction } from "../values/redaction.ts";

/** Parts of a task that come from programs. */
export const TASK_PARTS = ["args", "result", "progress"] as const;
export type TaskPart = (typeof TASK_PARTS)[number];

export function noSuchTask(id: string): never {
  throw new TaskUnknownError(`no task ${id} is kept; it was removed, or the history no longer reaches it`);
}

/** The parts of a task with their types, as much of them as a page shows at first. */
export function typedParts(task: Task, redaction: Redaction): { part: TaskPart; node: ValueNode }[] {
  return TASK_PARTS.map((part) => ({ part, node: treeOf(task[part], redaction, { path: [part] }) }));
}

/** A part of a value of a task; null when there is none at that place. */
export function typedPart(
  task: Task,
  redaction: Redaction,
  { part, places, from }: { part: TaskPart; places: readonly number[]; from: number },
): ValueNode | null {
  for (let length = 0; length < places.length; length += 1) {
    const above = partAt(task[part], places.slice(0, length + 1));
    if (above && redaction.hides([part, ...above.path])) return { type: "hidden" };
  }
  const found = partAt(task[part], places);
  return found && treeOf(found.part, redaction, { path: [part, ...found.path], from, depth: 3, text: 100_000 });
}

function treeOf(value: unknown, redaction: Redaction, options: ValueTreeOptions): ValueNode {
  return valueTree(value, { ...options, isHidden: (path) => redaction.hides(path) });
}

/** Fields of a BullMQ job that are JSON, and those that hold values in a form in which nothing can be hidden. */
const JSON_FIELDS = new Set(["data", "returnvalue", "progress"]);
const CODED_FIELDS = new Set(["error", "answers"]);
const CODED_MEMBERS = ["encodedArgs", "units", "answers"];

/** The fields of a job with nothing in them that is to be hidden. */
export function hideInFields(fields: Record<string, string>, redaction: Redaction): Record<string, string> {
  if (!redaction.isActive) return fields;
  const entries = Object.entries(fields).map(([name, text]) => {
    if (CODED_FIELDS.has(name)) return [name, HIDDEN];
    return [name, JSON_FIELDS.has(name) ? hideInJson(text, name, redaction) : text];
  });
  return Object.fromEntries(entries);
}

function hideInJson(text: string, name: string, redaction: Redaction): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      for (const member of CODED_MEMBERS) {
        if (member in value) (value as Record<string, unknown>)[member] = HIDDEN;
      }
    }
    return JSON.stringify(redaction.value(value, [name]));
  } catch {
    // A part of it was cut off.
    return HIDDEN;
  }
}
