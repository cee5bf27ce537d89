import { call, pathOf } from "../../api/call.ts";
import { queryClient } from "../../api/queries.ts";
import type { Done } from "../../components/action.tsx";
import { words } from "../../words/index.ts";

/** How long it is waited until a task has ended, ms. */
const PATIENCE = 30_000;
const LOOK_INTERVAL = 300;
const ENDED = new Set(["completed", "failed", "cancelled"]);

interface Task {
  id: string;
  name: string;
}

interface Cancelling {
  /** Absent: one pool alone has a task of that id. */
  pool?: string | null;
  /** Its callers, and the audit log, are told. */
  reason?: string;
}

/** Cancels a task and, when it has ended, puts it back into its queue. */
export async function cancelAndRetry({ id, name, pool: given, reason }: Task & Cancelling): Promise<Done> {
  const said = words().objects;
  const { pool } = await call<{ pool: string }>(`${pathOf("tasks", id)}/cancel`, {
    method: "POST",
    query: { pool: given },
    body: reason === undefined ? {} : { reason },
  });
  const query = { pool };
  const until = Date.now() + PATIENCE;
  for (;;) {
    const { state } = await call<{ state: string }>(pathOf("tasks", id), { query });
    if (state === "completed") break;
    if (ENDED.has(state)) {
      await call(`${pathOf("tasks", id)}/retry`, { method: "POST", query });
      break;
    }
    if (Date.now() > until) throw new Error(said.notEnded(name));
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
  }
  lookAgain();
  return { said: said.cancelledAndRuns(name) };
}

export async function cancelTask({ id, name }: Task): Promise<Done> {
  const said = words().objects;
  const { outcome } = await call<{ outcome: string }>(`${pathOf("tasks", id)}/cancel`, { method: "POST", body: {} });
  lookAgain();
  return { said: outcome === "stopping" ? said.cancelAsked(name) : said.cancelled(name) };
}

/** Takes an object back from all that hold it, or from one session. */
export async function releaseObject({ kind, name }: { kind: string; name: string }, session?: string): Promise<Done> {
  const { released } = await call<{ released: number }>(`${pathOf("objects", kind, name)}/release`, {
    method: "POST",
    body: session === undefined ? {} : { session },
  });
  lookAgain();
  return { said: words().objects.released(name, String(released)) };
}

/** What was changed here is read again at once. */
export function lookAgain(): void {
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [path] }) => typeof path === "string" && /^\/(objects|wait-graph)/.test(path),
  });
}
