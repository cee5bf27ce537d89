import { concerns, queryClient } from "../api/queries.ts";
import { BASE } from "../base.ts";
import { currentSettings } from "../settings.ts";
import { createStore, type Store } from "../store.ts";

/** How the page follows what happens. */
export interface Live {
  state: "connecting" | "live" | "paused" | "lost";
  /** When the server was last heard of, by the clock of this machine, ms. */
  heardAt: number | null;
  /** What Redis' trouble is, and since when; null when it answers. Epoch ms. */
  problem: { message: string; since: number } | null;
  /** Changes that the page does not show because it is paused. */
  missed: number;
}

/** Who looks, and what may be done: the first event of the stream. */
export interface Hello {
  namespace: string;
  version: string;
  readOnly: boolean;
}

export const live: Store<Live> = createStore<Live>({
  state: "connecting",
  heardAt: null,
  problem: null,
  missed: 0,
});
export const hello: Store<Hello | null> = createStore<Hello | null>(null);

/** Clock of Redis less that of this machine, ms. */
let clockOffset = 0;
let source: EventSource | undefined;
const missedTopics = new Set<string>();
/** Without word for this long the stream counts as lost, ms. */
const SILENCE = 10_000;
/** Readings are made again at most this often, ms. */
const REFRESH_INTERVAL = 500;

/** The time of Redis, epoch ms. */
export function now(): number {
  return Date.now() + clockOffset;
}

/** Follows the stream until the returned function is called. */
export function followEvents(): () => void {
  if (currentSettings().startPaused) live.set({ ...live.get(), state: "paused" });
  open();
  const watch = setInterval(noticeSilence, 1_000);
  return () => {
    clearInterval(watch);
    source?.close();
  };
}

export function pauseLive(): void {
  live.set({ ...live.get(), state: "paused", missed: 0 });
}

export function resumeLive(): void {
  const isOpen = source?.readyState === EventSource.OPEN;
  live.set({ ...live.get(), state: isOpen ? "live" : "connecting", missed: 0 });
  refresh([...missedTopics]);
  missedTopics.clear();
}

function open(): void {
  source?.close();
  source = new EventSource(`${BASE}api/v1/events`);
  source.addEventListener("hello", (event) => {
    const said = parse<Hello & { at?: number }>(event);
    if (!said) return;
    takeClock(said.at);
    hello.set({ namespace: said.namespace, version: said.version, readOnly: said.readOnly });
    heard();
  });
  source.addEventListener("pulse", (event) => {
    const said = parse<{ at?: number; problem?: Live["problem"] }>(event);
    if (!said) return;
    takeClock(said.at);
    const before = live.get().problem;
    live.set({ ...live.get(), problem: said.problem ?? null });
    heard();
    if (before && !said.problem) take(["*"]);
  });
  source.addEventListener("change", (event) => {
    const said = parse<{ topics?: unknown }>(event);
    heard();
    if (Array.isArray(said?.topics)) take(said.topics.filter((topic) => typeof topic === "string"));
  });
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) setTimeout(open, 2_000);
    lose();
  });
}

function heard(): void {
  const { state } = live.get();
  if (state === "lost") take(["*"]);
  live.set({ ...live.get(), state: state === "paused" ? state : "live", heardAt: Date.now() });
}

function lose(): void {
  if (live.get().state === "live" || live.get().state === "connecting") live.set({ ...live.get(), state: "lost" });
}

function noticeSilence(): void {
  const { heardAt, state } = live.get();
  if (state !== "live" || heardAt === null || Date.now() - heardAt < SILENCE) return;
  lose();
  open();
}

function take(topics: readonly string[]): void {
  if (live.get().state === "paused") {
    for (const topic of topics) missedTopics.add(topic);
    live.set({ ...live.get(), missed: live.get().missed + topics.length });
    return;
  }
  for (const topic of topics) waiting.add(topic);
  if (isRefreshDue) return;
  isRefreshDue = true;
  setTimeout(refreshWaiting, Math.max(0, refreshedAt + REFRESH_INTERVAL - Date.now()));
}

const waiting = new Set<string>();
let isRefreshDue = false;
let refreshedAt = 0;

function refreshWaiting(): void {
  isRefreshDue = false;
  refreshedAt = Date.now();
  const topics = [...waiting];
  waiting.clear();
  refresh(topics);
}

function refresh(topics: readonly string[]): void {
  if (topics.length === 0) return;
  void queryClient.invalidateQueries({
    predicate: ({ meta }) => {
      const wanted = (meta?.["topics"] ?? []) as readonly string[];
      return wanted.some((topic) => topics.some((changed) => concerns(changed, topic)));
    },
  });
}

function takeClock(at: number | undefined): void {
  if (typeof at === "number") clockOffset = at - Date.now();
}

function parse<Said>(event: MessageEvent): Said | null {
  try {
    return JSON.parse(String(event.data)) as Said;
  } catch {
    return null;
  }
}
