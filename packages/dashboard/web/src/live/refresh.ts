import type { Query } from "@tanstack/react-query";
import { concerns, queryClient } from "../api/queries.ts";

/** Readings are made again at most this often, ms; the first change is not delayed. */
const INTERVAL = 400;
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
  setTimeout(refreshNow, Math.max(0, refreshedAt + INTERVAL - Date.now()));
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
      if (query.state.fetchStatus === "idle") return true;
      // One that takes long would never end if each change began it anew.
      again.add(query.queryHash);
      return false;
    },
  });
}

/** Reads again what changes without an event and is shown, when its time has come. */
export function refreshOld(): void {
  if (document.hidden) return;
  for (const query of queryClient.getQueryCache().findAll({ type: "active", fetchStatus: "idle" })) {
    const every = (query.meta?.["every"] as number | undefined) ?? SAFETY;
    const readAt = Math.max(query.state.dataUpdatedAt, query.state.errorUpdatedAt);
    if (readAt > 0 && Date.now() - readAt >= every) void query.fetch().catch(() => {});
  }
}
