import { call } from "../api/call.ts";
import { currentSettings } from "../settings.ts";
import { createStore, type Store } from "../store.ts";
import { refresh, refreshOld } from "./refresh.ts";
import { hearStream, type StreamMessage } from "./stream.ts";

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
  role: string;
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
/** The stream is open. */
let isConnected = false;
const missedTopics = new Set<string>();
/** Without word for this long the stream counts as lost, ms. */
const SILENCE = 6_000;

/** The time of Redis, epoch ms. */
export function now(): number {
  return Date.now() + clockOffset;
}

/** Follows the stream until the returned function is called. */
export function followEvents(): () => void {
  if (currentSettings().startPaused) live.set({ ...live.get(), state: "paused" });
  const leave = hearStream(take);
  const watch = setInterval(() => {
    const { heardAt, state } = live.get();
    if (state === "live" && heardAt !== null && Date.now() - heardAt > SILENCE) lose();
    if (state !== "paused") refreshOld();
  }, 500);
  return () => {
    clearInterval(watch);
    leave();
  };
}

export function pauseLive(): void {
  live.set({ ...live.get(), state: "paused", missed: 0 });
}

export function resumeLive(): void {
  live.set({ ...live.get(), state: isConnected ? "live" : "lost", missed: 0 });
  refresh(missedTopics);
  missedTopics.clear();
  refreshOld();
}

function take({ event, data }: StreamMessage): void {
  if (event === "interrupted") return lose();
  if (event === "refused") {
    lose();
    // Where the session has ended, this leads to the sign-in page.
    call("/me").catch(() => {});
    return;
  }
  const said = parse(data);
  if (said === null) return;
  const { state } = live.get();
  isConnected = true;
  live.set({ ...live.get(), state: state === "paused" ? state : "live", heardAt: Date.now() });
  if (typeof said["at"] === "number") clockOffset = said["at"] - Date.now();
  if (event === "hello") hello.set(said as unknown as Hello);
  if (event === "pulse") live.set({ ...live.get(), problem: problemOf(said["redis"]) });
  if (event === "change" && Array.isArray(said["topics"])) change(said["topics"].map(String));
}

function change(topics: readonly string[]): void {
  if (live.get().state !== "paused") return refresh(topics);
  for (const topic of topics) missedTopics.add(topic);
  live.set({ ...live.get(), missed: live.get().missed + 1 });
}

function problemOf(redis: unknown): Live["problem"] {
  if (redis === "ok") return null;
  const { problem, since } = (redis ?? {}) as { problem?: unknown; since?: unknown };
  return { message: typeof problem === "string" ? problem : "", since: typeof since === "number" ? since : now() };
}

function lose(): void {
  isConnected = false;
  const { state } = live.get();
  if (state === "live" || state === "connecting") live.set({ ...live.get(), state: "lost", problem: null });
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
