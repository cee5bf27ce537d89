import type { Inspector, Milliseconds } from "@manyhands/core/internal";
import type { Context } from "hono";
import { API_PATH, isApiPath } from "../api/api-path.ts";

/** The same refusal of the same visitor is noted once in so long, ms: the log keeps a number of entries, for changes. */
const REPEAT: Milliseconds = 60_000;
/** Visitors and actions that are remembered. */
const MOST = 1_000;

const KINDS: Readonly<Record<string, string>> = {
  ...{ tasks: "task", "task-actions": "task", pools: "pool", hosts: "host", processes: "process" },
  ...{ objects: "object", schedules: "schedule", workflows: "workflow" },
};
const VERBS: Readonly<Record<string, string>> = { POST: "create", PUT: "set", PATCH: "change", DELETE: "remove" };

/** Notes in the audit log that a visitor was refused a change because of the role. */
export class RefusedChanges {
  readonly #audit: Pick<Inspector["audit"], "record">;
  readonly #notedAt = new Map<string, Milliseconds>();

  constructor(audit: Pick<Inspector["audit"], "record">) {
    this.#audit = audit;
  }

  /** Never waits, and never fails: the refusal does not depend on it. */
  note(context: Context, reason: string): void {
    const change = changeOf(context);
    const key = `${context.get("visitor").name}\n${change.action}`;
    const now = performance.now();
    if (now - (this.#notedAt.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT) return;
    if (this.#notedAt.size >= MOST) this.#notedAt.clear();
    this.#notedAt.set(key, now);
    const resultOf = () => ({ outcome: "refused" as const, result: reason });
    this.#audit.record(change, async () => {}, { resultOf }).catch(() => {});
  }
}

function changeOf({ req }: Context): { action: string; kind: string; target: string } {
  if (!isApiPath(req.path)) return { action: "bull-board", kind: "pool", target: "" };
  const [collection = "", ...rest] = req.path.slice(req.path.lastIndexOf(API_PATH) + API_PATH.length + 1).split("/");
  const kind = KINDS[collection] ?? collection;
  const names = rest.map(decoded);
  if (collection === "task-actions") return { action: `task.${names[0] ?? ""}`, kind: "tasks", target: "" };
  // Objects have a kind and a name, then what is done.
  const own = kind === "object" ? 2 : 1;
  const verb = names[own] ?? (kind === "task" && names.length === 0 ? "submit" : (VERBS[req.method] ?? req.method));
  return { action: `${kind}.${verb}`, kind, target: names.slice(0, own).join("/") };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
