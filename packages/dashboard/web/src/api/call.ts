import { BASE } from "../base.ts";
import { toldId } from "../live/stream.ts";
import { words } from "../words/index.ts";
import { ApiProblem } from "./problem.ts";

export type QueryValue = string | number | boolean | undefined | null;

export interface CallOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

let changed = 0;

/** When this page has last changed something, epoch ms; 0 = never. */
export function changedAt(): number {
  return changed;
}

/**
 * Asks the API. @param path - Below `/api/v1`, with a slash in front and its parts encoded (`pathOf`).
 *
 * @throws ApiProblem the API refused, or cannot be reached
 */
export async function call<Answer>(path: string, options: CallOptions = {}): Promise<Answer> {
  const { method = "GET", query = {}, body, signal } = options;
  const told = toldId();
  if (method !== "GET") changed = Date.now();
  const headers = {
    // The stream tells this page when an answer that others got before is out of date.
    ...(method === "GET" && told !== "" && { "X-Manyhands-Told": told }),
    ...(body !== undefined && { "Content-Type": "application/json" }),
  };
  const response = await fetch(`${BASE}api/v1${path}${queryText(query)}`, {
    method,
    credentials: "same-origin",
    ...(signal && { signal }),
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiProblem(0, words().frame.dashboardAway);
  });
  if (response.status === 401) askForToken();
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as Answer;
  const problem = (answer ?? {}) as Partial<Record<keyof ApiProblem | "detail", unknown>>;
  const detail = typeof problem.detail === "string" ? problem.detail : `${response.status} ${response.statusText}`;
  throw new ApiProblem(response.status, detail, problem);
}

/** A path of the API: `pathOf("objects", kind, name)`. */
export function pathOf(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

function queryText(query: Readonly<Record<string, QueryValue>>): string {
  const entries = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, String(value)]],
  );
  return entries.length === 0 ? "" : `?${new URLSearchParams(entries)}`;
}

/** The session has ended: the server shows its sign-in page at any address. */
function askForToken(): void {
  location.reload();
}
