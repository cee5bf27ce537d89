import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useReducer, useRef } from "react";
import type { TaskRow } from "../../../../src/api/types.ts";
import { call } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { now } from "../../live/live.ts";
import type { TaskSearch } from "../../router.tsx";
import { queryOf } from "./task-filters.ts";

/** Tasks of a page of the list, and how many of them are read to see what is new. */
const PAGE = 100;
const HEAD = 50;
/** Pages whose rows are kept; the others are read again when they come into view. */
const KEPT_PAGES = 60;

export interface TaskPage {
  tasks: TaskRow[];
  cursor?: string;
  partial?: string;
}

interface Page {
  /** Where it begins; null = at the beginning. */
  cursor: string | null;
  /** Rows, also while they are not kept. */
  size: number;
  tasks: readonly TaskRow[] | null;
}

interface Loaded {
  pages: readonly Page[];
  /** Where the next page begins; null = the last one is there. */
  next: string | null;
  partial: string | null;
  error: Error | null;
  isLoading: boolean;
  /** Places of rows that no longer fit the query. */
  left: ReadonlySet<string>;
}

const NOTHING: Loaded = {
  ...{ pages: [], next: null, partial: null, error: null, isLoading: true },
  left: new Set<string>(),
};

/** A list of tasks that loads on as it is scrolled. */
export interface TaskList extends Loaded {
  /** Rows that can be scrolled to. */
  size: number;
  isFirstLoad: boolean;
  rowAt: (index: number) => TaskRow | undefined;
  /** Place of a task among the rows that are kept. */
  indexOf: (place: string) => number;
  /** Rows that are kept, in their order. */
  rows: readonly TaskRow[];
  /** Tasks that came since and are not shown. */
  fresh: { count: number; isMore: boolean };
  showFresh: () => void;
  loadMore: () => void;
  /** These rows can be seen. */
  see: (from: number, to: number) => void;
  /** Reads anew what can be seen. */
  refresh: () => void;
}

/** Names a task among all. */
export function placeOf({ pool, id }: { pool: string; id: string }): string {
  return `${pool}/${id}`;
}

/** Follows the tasks of a query without moving what is on the screen: rows change where they are, new ones wait. */
export function useTaskList(given: TaskSearch, { isActive }: { isActive: boolean }): TaskList {
  const key = JSON.stringify(given);
  // The same as long as it says the same: else each drawing would ask again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as the comment says
  const search = useMemo(() => given, [key]);
  const [loaded, change] = useReducer(reduce, NOTHING);
  const state = useRef({ loaded, key, seen: [0, 0] as [number, number], isBusy: false, abort: new AbortController() });
  state.current.loaded = loaded;

  const ask = useCallback(
    (cursor: string | null, limit = PAGE): Promise<TaskPage> =>
      call<TaskPage>("/tasks", {
        query: { ...queryOf(search, now()), sort: search.sort, limit, cursor, details: true },
        signal: state.current.abort.signal,
      }),
    [search],
  );

  const begin = useCallback(() => {
    state.current.abort.abort();
    const abort = new AbortController();
    state.current.abort = abort;
    state.current.isBusy = true;
    change({ type: "begin" });
    ask(null)
      .then((page) => change({ type: "loaded", cursor: null, page }))
      .catch((error: Error) => !abort.signal.aborted && change({ type: "failed", error }))
      .finally(() => {
        if (state.current.abort === abort) state.current.isBusy = false;
      });
  }, [ask]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another query is another list
  useEffect(() => {
    change({ type: "clear" });
    if (isActive) begin();
    return () => state.current.abort.abort();
  }, [key, isActive]);

  const loadMore = useCallback(() => {
    const { next, isLoading } = state.current.loaded;
    if (next === null || isLoading || state.current.isBusy) return;
    const { abort } = state.current;
    state.current.isBusy = true;
    change({ type: "loading" });
    ask(next)
      .then((page) => change({ type: "loaded", cursor: next, page }))
      .catch((error: Error) => !abort.signal.aborted && change({ type: "failed", error }))
      .finally(() => {
        state.current.isBusy = false;
      });
  }, [ask]);

  const topics = search.pool === undefined ? ["pools"] : [`pools/${search.pool}`];
  const head = useQuery({
    ...reading<TaskPage>("/tasks", { topics, query: { ...search, head: "true" } }),
    queryFn: () => ask(null, HEAD),
    enabled: isActive && search.sort !== "oldest" && loaded.pages.length > 0,
    staleTime: 0,
    retry: false,
  });

  const refresh = useCallback(() => {
    const { pages } = state.current.loaded;
    const [from, to] = state.current.seen;
    let start = 0;
    for (const [index, page] of pages.entries()) {
      const isSeen = start <= to && start + page.size > from;
      start += page.size;
      if (!isSeen) continue;
      ask(page.cursor)
        .then((fresh) => change({ type: "again", index, page: fresh }))
        .catch(() => {});
    }
  }, [ask]);

  // A change of what the query concerns: rows that can be seen are read again where they are.
  const { dataUpdatedAt } = head;
  const seenHead = useRef({ key, at: 0 });
  useEffect(() => {
    const before = seenHead.current;
    if (dataUpdatedAt === 0 || (before.key === key && before.at === dataUpdatedAt)) return;
    seenHead.current = { key, at: dataUpdatedAt };
    // The first one comes with the list itself.
    if (before.key === key && before.at !== 0) refresh();
  }, [dataUpdatedAt, refresh, key]);

  const see = useCallback(
    (from: number, to: number) => {
      state.current.seen = [from, to];
      const { pages } = state.current.loaded;
      let start = 0;
      let isMissing = false;
      for (const page of pages) {
        if (start <= to && start + page.size > from && page.tasks === null) isMissing = true;
        start += page.size;
      }
      if (isMissing) refresh();
      change({ type: "keep", from, to });
      if (to >= start - PAGE / 2) loadMore();
    },
    [refresh, loadMore],
  );

  const { pages } = loaded;
  const rows = useMemo(() => pages.flatMap(({ tasks }) => tasks ?? []), [pages]);
  const places = useMemo(() => new Set(rows.map(placeOf)), [rows]);
  const size = useMemo(() => pages.reduce((sum, page) => sum + page.size, 0), [pages]);
  const rowAt = useCallback(
    (index: number) => {
      let start = 0;
      for (const page of pages) {
        if (index < start + page.size) return page.tasks?.[index - start];
        start += page.size;
      }
      return undefined;
    },
    [pages],
  );
  const indexOf = useCallback(
    (place: string) => {
      let start = 0;
      for (const page of pages) {
        const index = page.tasks?.findIndex((task) => placeOf(task) === place) ?? -1;
        if (index !== -1) return start + index;
        start += page.size;
      }
      return -1;
    },
    [pages],
  );
  // The first page may be gone from memory when the list is far down: then nothing can be told to be new.
  const isHeadKnown = pages[0]?.tasks !== null;
  const newest = pages[0]?.tasks?.[0];
  const fresh = (isHeadKnown ? (head.data?.tasks ?? []) : []).filter(
    (task) => !places.has(placeOf(task)) && (newest === undefined || isBefore(task, newest, search)),
  );
  return {
    ...loaded,
    ...{ size, rows, rowAt, indexOf, loadMore, see, refresh },
    isFirstLoad: loaded.isLoading && pages.length === 0,
    fresh: { count: fresh.length, isMore: fresh.length === HEAD },
    showFresh: begin,
  };
}

function isBefore(task: TaskRow, newest: TaskRow, { sort }: TaskSearch): boolean {
  if (sort === "finished") return (task.finishedAt ?? 0) >= (newest.finishedAt ?? 0);
  return task.createdAt >= newest.createdAt;
}

type Change =
  | { type: "clear" | "begin" | "loading" }
  | { type: "loaded"; cursor: string | null; page: TaskPage }
  | { type: "again"; index: number; page: TaskPage }
  | { type: "keep"; from: number; to: number }
  | { type: "failed"; error: Error };

function reduce(before: Loaded, change: Change): Loaded {
  switch (change.type) {
    case "clear":
      return NOTHING;
    case "begin":
    case "loading":
      return { ...before, isLoading: true, error: null };
    case "failed":
      return { ...before, isLoading: false, error: change.error };
    case "loaded":
      return withPage(change.cursor === null ? NOTHING : before, change.cursor, change.page);
    case "again":
      return again(before, change.index, change.page);
    case "keep":
      return keep(before, change.from, change.to);
  }
}

function withPage(before: Loaded, cursor: string | null, { tasks, cursor: next, partial }: TaskPage): Loaded {
  const known = new Set(before.pages.flatMap((page) => page.tasks ?? []).map(placeOf));
  const fresh = tasks.filter((task) => !known.has(placeOf(task)));
  return {
    ...before,
    ...{ isLoading: false, error: null, next: next ?? null, partial: partial ?? null },
    pages: [...before.pages, { cursor, size: fresh.length, tasks: fresh }],
  };
}

/** A page was read again: its rows stay where they are, and change. */
function again(before: Loaded, index: number, { tasks, cursor }: TaskPage): Loaded {
  const page = before.pages[index];
  if (!page) return before;
  const found = new Map(tasks.map((task) => [placeOf(task), task]));
  if (page.tasks === null) {
    const back = tasks.slice(0, page.size);
    return withPages(before, index, { ...page, tasks: back, size: back.length });
  }
  // What was read may end before the page does, where tasks came in front.
  const oldest = cursor === undefined ? 0 : (tasks.at(-1)?.createdAt ?? 0);
  const left = new Set(before.left);
  const rows = page.tasks.map((task) => {
    const place = placeOf(task);
    const now = found.get(place);
    if (now) left.delete(place);
    else if (task.createdAt > oldest) left.add(place);
    return now ?? task;
  });
  return { ...withPages(before, index, { ...page, tasks: rows }), left };
}

function withPages(before: Loaded, index: number, page: Page): Loaded {
  return { ...before, pages: before.pages.map((one, place) => (place === index ? page : one)) };
}

/** Forgets the rows of pages that are far from what can be seen. */
function keep(before: Loaded, from: number, to: number): Loaded {
  if (before.pages.length <= KEPT_PAGES) return before;
  let start = 0;
  const margin = (KEPT_PAGES / 2) * PAGE;
  let isChanged = false;
  const pages = before.pages.map((page) => {
    const isFar = start > to + margin || start + page.size < from - margin;
    start += page.size;
    if (!isFar || page.tasks === null) return page;
    isChanged = true;
    return { ...page, tasks: null };
  });
  return isChanged ? { ...before, pages } : before;
}
