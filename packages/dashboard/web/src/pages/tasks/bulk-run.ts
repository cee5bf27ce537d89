import type { BulkAction, TaskRow } from "../../../../src/api/types.ts";
import { call, pathOf, type QueryValue } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { createStore, type Store } from "../../store.ts";

export const DEEDS = ["cancel", "retry", "promote", "remove", "change"] as const;
/** What can be done to tasks. */
export type Deed = (typeof DEEDS)[number];

/** What to change of tasks that have not started. */
export interface Change {
  priority?: number;
  delay?: number;
}

/** What a deed needs besides the tasks. */
export interface DeedInput {
  reason?: string;
  change?: Change;
}

/** Tasks that are meant: some that were chosen, or all of a query. */
export type Meant =
  | { kind: "some"; tasks: readonly TaskRow[] }
  | { kind: "query"; query: Readonly<Record<string, QueryValue>>; count: number }
  | { kind: "resume"; id: string; count: number };

/** Something that is done to many tasks, and how far it has come. */
export interface BulkRun {
  deed: Deed;
  state: "running" | "stopping" | "stopped" | "finished" | "failed";
  done: number;
  refused: number;
  /** How many were meant when it began. */
  count: number;
  reasons: readonly { reason: string; count: number; ids: readonly string[] }[];
  /** With it the server goes on; null: it cannot be resumed. */
  id: string | null;
  /** Why it failed. */
  problem: string | null;
}

/** How long the server works before it tells how far it is, ms. */
const STEP = 1_000;
/** Tasks that are changed at the same time when they were chosen one by one. */
const AT_ONCE = 6;
/** Ids that are told for a reason. */
const NAMED = 5;
const PLACE = "manyhands-bulk";

/** The last one of this tab; of one that was stopped the browser keeps what it needs to go on. */
export const bulkRun: Store<BulkRun | null> = createStore<BulkRun | null>(readStopped());

export function stopBulk(): void {
  const run = bulkRun.get();
  if (run?.state === "running") set({ ...run, state: "stopping" });
}

export function forgetBulk(): void {
  const run = bulkRun.get();
  if (run === null || run.state === "running" || run.state === "stopping") return;
  bulkRun.set(null);
  keepStopped(null);
}

/** Goes on with one that was stopped. */
export function resumeBulk(): Promise<void> {
  const run = bulkRun.get();
  if (run?.id == null) return Promise.resolve();
  return startBulk(run.deed, { kind: "resume", id: run.id, count: run.count });
}

/** Does something to the tasks, and tells in the store how far it is. Resolves when it has ended, whichever way. */
export async function startBulk(deed: Deed, meant: Meant, input: DeedInput = {}): Promise<void> {
  const { state } = bulkRun.get() ?? {};
  if (state === "running" || state === "stopping") return;
  const count = meant.kind === "some" ? meant.tasks.length : meant.count;
  set({ deed, count, state: "running", done: 0, refused: 0, reasons: [], id: null, problem: null });
  try {
    if (meant.kind === "some") await actOnEach(deed, meant.tasks, input);
    else await actOnAll(deed, meant, input);
  } catch (error) {
    change({ state: "failed", problem: error instanceof Error ? error.message : String(error) });
  }
  keepStopped(bulkRun.get());
}

async function actOnAll(deed: Deed, meant: Exclude<Meant, { kind: "some" }>, input: DeedInput): Promise<void> {
  const first = meant.kind === "resume" ? { resume: meant.id } : { query: meant.query, ...input };
  let body: Record<string, unknown> = { ...first, step: STEP };
  for (;;) {
    const answer = await call<BulkAction>(pathOf("task-actions", deed), { method: "POST", body });
    const { id, done, refused, reasons } = answer;
    change({ id, done, refused, reasons });
    if (answer.isFinished) return change({ state: "finished" });
    if (bulkRun.get()?.state === "stopping") return change({ state: "stopped" });
    body = { resume: id, step: STEP };
  }
}

async function actOnEach(deed: Deed, tasks: readonly TaskRow[], input: DeedInput): Promise<void> {
  const left = [...tasks];
  const work = async (): Promise<void> => {
    for (;;) {
      if (bulkRun.get()?.state === "stopping") return;
      const task = left.shift();
      if (!task) return;
      const refusal = await act(deed, task, input);
      const run = bulkRun.get();
      if (!run) return;
      if (refusal === null) change({ done: run.done + 1 });
      else change({ refused: run.refused + 1, reasons: withReason(run.reasons, refusal, task.id) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  change({ state: left.length > 0 ? "stopped" : "finished" });
}

/** @returns why it was not done, or null */
async function act(deed: Deed, { id, pool }: TaskRow, { reason, change }: DeedInput): Promise<string | null> {
  const path = pathOf("tasks", id);
  const query = { pool };
  try {
    if (deed === "remove") await call(path, { method: "DELETE", query });
    else if (deed === "change") await call(path, { method: "PATCH", query, body: change });
    else await call(`${path}/${deed}`, { method: "POST", query, ...(deed === "cancel" && { body: { reason } }) });
    return null;
  } catch (error) {
    // What is no answer ends all of it.
    if (error instanceof ApiProblem && (error.status === 404 || error.status === 409)) return error.message;
    throw error;
  }
}

function withReason(reasons: BulkRun["reasons"], text: string, id: string): BulkRun["reasons"] {
  const reason = text.replaceAll(id, "…");
  const known = reasons.find((one) => one.reason === reason);
  if (!known) return [...reasons, { reason, count: 1, ids: [id] }];
  const ids = known.ids.length < NAMED ? [...known.ids, id] : known.ids;
  return reasons.map((one) => (one === known ? { reason, count: one.count + 1, ids } : one));
}

function change(part: Partial<BulkRun>): void {
  const run = bulkRun.get();
  if (!run) return;
  // "Stop here" holds until the step under way has ended.
  const state = part.state ?? run.state;
  set({ ...run, ...part, state });
}

function set(run: BulkRun): void {
  bulkRun.set(run);
}

function keepStopped(run: BulkRun | null): void {
  try {
    const isOpen = run?.id != null && (run.state === "stopped" || run.state === "failed");
    if (isOpen) sessionStorage.setItem(PLACE, JSON.stringify(run));
    else sessionStorage.removeItem(PLACE);
  } catch {
    // It can be resumed on this page only.
  }
}

function readStopped(): BulkRun | null {
  try {
    const run = JSON.parse(sessionStorage.getItem(PLACE) ?? "null") as BulkRun | null;
    const isFit = run !== null && DEEDS.includes(run.deed) && typeof run.id === "string" && Array.isArray(run.reasons);
    return isFit ? { ...run, state: "stopped" } : null;
  } catch {
    return null;
  }
}
