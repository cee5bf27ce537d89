import type { Query } from "@tanstack/react-query";
import { changedAt } from "../api/call.ts";
import { concerns, type Part, queryClient } from "../api/queries.ts";
import { currentSettings } from "../settings.ts";

/** Readings are made again at most this often, ms; the first change is not delayed. A reader can choose a longer time. */
const INTERVAL = 400;
/** So long after something was pressed, what comes of it is shown at once, ms. */
const PRESSED = 3_000;
/** What no event tells of is read again after so long where a reading names no other time, ms. */
const SAFETY = 30_000;

const changed = new Set<string>();
/** Readings that were under way when something of theirs changed: they may not have seen it. */
const again = new Set<string>();
let isDue = false;
let refreshedAt = 0;

queryClient.getQueryCache().subscribe(({ type, query }) => {
  if (type !== "updated" || query.state.fetchStatus !== "idle" || !again.delete(query.queryHash)) return;
  // After those who wait for this reading have it.
  setTimeout(() => void queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true }));
});

/** Has all that is shown of these topics read again, and what is not shown when it is shown next. */
export function refresh(topics: Iterable<string>): void {
  for (const topic of topics) changed.add(topic);
  if (isDue || changed.size === 0) return;
  isDue = true;
  setTimeout(refreshNow, Math.max(0, refreshedAt + interval() - Date.now()));
}

function interval(): number {
  const isPressed = Date.now() - changedAt() < PRESSED;
  return isPressed ? INTERVAL : Math.max(INTERVAL, Number(currentSettings().refresh));
}

function refreshNow(): void {
  isDue = false;
  refreshedAt = Date.now();
  const topics = [...changed];
  changed.clear();
  const isConcerned = (query: Query): boolean => {
    const wanted = (query.meta?.["topics"] ?? []) as readonly string[];
    return wanted.some((topic) => topics.some((one) => concerns(one, topic)));
  };
  void queryClient.invalidateQueries({
    predicate: (query) => {
      if (!isConcerned(query)) return false;
      if (query.state.fetchStatus === "idle") return !readPart(query, topics);
      // One that takes long would never end if each change began it anew.
      again.add(query.queryHash);
      return false;
    },
  });
}

/** Names of what has changed and is to be read, or is being read, of readings of which that can be read alone. */
const parts = new Map<string, Set<string>>();

/** Reads only what has changed of a long list. @returns false where all of it has to be read */
function readPart(query: Query, topics: readonly string[]): boolean {
  const part = query.meta?.["part"] as Part | undefined;
  if (!part || !query.isActive() || query.state.data === undefined || query.state.isInvalidated) return false;
  const wanted = (query.meta?.["topics"] ?? []) as readonly string[];
  const names = topics
    .filter((topic) => wanted.some((one) => concerns(topic, one)))
    .map((topic) => (topic.startsWith(`${part.topic}/`) ? topic.slice(part.topic.length + 1) : null));
  if (!names.every((name) => name !== null)) return false;
  const waiting = parts.get(query.queryHash);
  if (names.length + (waiting?.size ?? 0) > part.most) return false;
  if (waiting) {
    for (const name of names) waiting.add(name);
  } else {
    parts.set(query.queryHash, new Set(names));
    void readParts(query, part);
  }
  return true;
}

async function readParts(query: Query, part: Part): Promise<void> {
  const { queryHash } = query;
  // What changes while some is read is read after it.
  for (let names = parts.get(queryHash); names && names.size > 0; names = parts.get(queryHash)) {
    parts.set(queryHash, new Set());
    const { data: whole, dataUpdatedAt } = query.state;
    const read = await part.read([...names]).catch(() => null);
    // All of it was read meanwhile, or is being read: that is newer.
    if (query.state.dataUpdatedAt !== dataUpdatedAt || query.state.fetchStatus !== "idle") continue;
    if (read === null) {
      parts.delete(queryHash);
      return void queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true });
    }
    const merged = part.merge(whole as never, read as never, { names: [...names], age: Date.now() - mergedAt(query) });
    merges.set(queryHash, { of: dataUpdatedAt, at: Date.now() });
    // All of it is read again when its time has come, as if nothing had changed.
    queryClient.setQueryData(query.queryKey, merged, { updatedAt: dataUpdatedAt });
  }
  parts.delete(queryHash);
}

/** When the last part was put into what was read at a time, epoch ms. */
const merges = new Map<string, { of: number; at: number }>();

function mergedAt({ queryHash, state: { dataUpdatedAt } }: Query): number {
  const last = merges.get(queryHash);
  return last?.of === dataUpdatedAt ? last.at : dataUpdatedAt;
}

/** Reads again what changes without an event and is shown, when its time has come. */
export function refreshOld(): void {
  if (document.hidden) return;
  for (const query of queryClient.getQueryCache().findAll({ type: "active", fetchStatus: "idle" })) {
    const every = Math.max((query.meta?.["every"] as number | undefined) ?? SAFETY, interval());
    const readAt = Math.max(query.state.dataUpdatedAt, query.state.errorUpdatedAt);
    if (readAt > 0 && Date.now() - readAt >= every) void query.fetch().catch(() => {});
  }
}
