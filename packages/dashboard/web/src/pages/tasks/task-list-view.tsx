import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { TaskRow } from "../../../../src/api/types.ts";
import { call } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Empty, Skeleton, Trouble } from "../../components/page.tsx";
import { useRowKeys } from "../../components/row-keys.ts";
import { Glyph } from "../../components/state.tsx";
import { useKeys } from "../../components/use-keys.ts";
import { count } from "../../format/numbers.ts";
import { now } from "../../live/live.ts";
import type { TaskSearch } from "../../router.tsx";
import { useStore } from "../../store.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { BulkBar } from "./bulk-bar.tsx";
import { BulkDialog, isMeantFor } from "./bulk-dialog.tsx";
import { BulkProgress } from "./bulk-progress.tsx";
import { type Deed, type DeedInput, type Meant, startBulk } from "./bulk-run.ts";
import { ColumnMenu } from "./column-menu.tsx";
import { QueryBar } from "./query-bar.tsx";
import { columnsOf, type ListName } from "./task-columns.ts";
import {
  FILTERS,
  type Filter,
  hasFilters,
  isCountCheap,
  isFinishedOrderFor,
  type Order,
  problemsOf,
  queryOf,
  statesOf,
} from "./task-filters.ts";
import { TaskTable } from "./task-table.tsx";
import { placeOf, type TaskList, useTaskList } from "./use-task-list.ts";

export interface TaskListViewProps {
  name: ListName;
  caption: string;
  /** What stands in the address. */
  search: TaskSearch;
  onSearch: (search: TaskSearch) => void;
  /** Filters that the page itself sets. */
  fixed?: Partial<Record<Filter, string>>;
  deeds: readonly Deed[];
  /** Shown when there is nothing and no filter is set. */
  empty: ReactNode;
}

/** A list of tasks with its filters, its selection, and what can be done to what is selected. */
export function TaskListView(props: TaskListViewProps) {
  const { name, caption, onSearch, fixed = {}, deeds, empty } = props;
  const { tasks: said } = useWords();
  const search: TaskSearch = { ...props.search, ...fixed };
  const problems = problemsOf(search, said.problems);
  const list = useTaskList(search, { isActive: problems.length === 0 });
  const total = useTotal(search, list, problems.length === 0);
  const columns = useStore(columnsOf(name));
  const selection = useSelection(list, JSON.stringify(search));
  const [active, setActive] = useState(-1);
  const [asked, setAsked] = useState<{ deed: Deed; meant: Meant } | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const why = { cancel: useMay("cancel"), retry: useMay("retry"), many: useMay("actOnMany") };
  const filters = wordsOf(search, said);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another query is another list
  useEffect(() => setActive(-1), [JSON.stringify(search)]);

  const meantBy = (deed: Deed): Meant => {
    if (selection.isAll) return { kind: "query", query: queryOf(search, now()), count: total ?? list.size };
    const some =
      selection.tasks.length > 0 ? selection.tasks : [list.rowAt(active)].filter((task) => task !== undefined);
    return { kind: "some", tasks: deed === "change" ? some.filter((task) => isMeantFor(deed, task)) : some };
  };
  const ask = (deed: Deed): void => {
    const meant = meantBy(deed);
    if (meant.kind === "some" && meant.tasks.length === 0) return;
    setAsked({ deed, meant });
  };
  const go = ({ deed, meant }: { deed: Deed; meant: Meant }, given: DeedInput, many: number): void => {
    setAsked(null);
    const counted = meant.kind === "query" ? { ...meant, count: many } : meant;
    void startBulk(deed, counted, given).then(() => {
      selection.clear();
      list.refresh();
    });
  };
  // They were submitted before the first one that is shown, or between two of them.
  const isWhole = list.next === null && !list.isLoading && list.partial === null && list.fresh.count === 0;
  const missed = isWhole && total !== null ? total - list.size : 0;
  useRowKeys({
    size: list.size,
    active,
    onActive: setActive,
    onOpen: (index) => {
      const task = list.rowAt(index);
      if (task) void navigate({ to: "/tasks/$id", params: { id: task.id }, search: { pool: task.pool } });
    },
  });
  useKeys([
    ["x", () => active >= 0 && selection.toggle(active, false)],
    ["Shift+X", () => active >= 0 && selection.toggle(active, true)],
    ["Shift+A", () => list.size > 0 && selection.selectAll()],
    ["r", () => deeds.includes("retry") && why.retry === undefined && ask("retry")],
    ["c", () => deeds.includes("cancel") && why.cancel === undefined && ask("cancel")],
    ["Escape", () => (selection.isAll || selection.tasks.length > 0 ? selection.clear() : setActive(-1))],
    ["f", () => input.current?.focus()],
  ]);

  return (
    <>
      <QueryBar search={props.search} onChange={onSearch} fixed={Object.keys(fixed) as Filter[]} inputRef={input} />
      {problems.length > 0 ? (
        <div className="note bad" role="alert">
          <Glyph name="failed" />
          <div>
            <b>{said.wrongFilter}</b>
            <ul className="plain">
              {problems.map(({ filter, message }) => (
                <li key={filter}>
                  <bdi>{message}</bdi>{" "}
                  <Button size="small" onClick={() => onSearch(without(props.search, filter))}>
                    {said.dropFilter}
                  </Button>
                </li>
              ))}
            </ul>
          </div>
        </div>
      ) : (
        <>
          <div className="result-line">
            <span role="status">
              {/* Before the first page there is nothing to count. */}
              {total !== null && <b>{said.match(count(total))}</b>}
              {total === null && (list.size > 0 || !list.isLoading) && list.error === null && (
                <b>{said.atLeast(count(list.size))}</b>
              )}
            </span>
            {list.partial !== null && (
              <span className="partial soft" title={list.partial}>
                <Glyph name="info" /> {list.partial}
              </span>
            )}
            <span className="push row">
              {list.fresh.count > 0 && (
                <span className="row fresh" role="status">
                  <span className="soft">
                    {said.fresh(list.fresh.isMore ? `${list.fresh.count}+` : count(list.fresh.count), list.fresh.count)}
                  </span>
                  <Button
                    size="small"
                    onClick={() => {
                      list.showFresh();
                      window.scrollTo({ top: 0 });
                    }}
                  >
                    {said.showFresh}
                  </Button>
                </span>
              )}
              <ColumnMenu list={name} />
            </span>
          </div>
          <BulkProgress />
          <Rows list={list} search={search} onSearch={onSearch} own={props.search} empty={empty}>
            <div className="card">
              <TaskTable
                list={list}
                caption={caption}
                columns={columns}
                total={total}
                isSelected={selection.has}
                isAll={selection.isAll}
                onSelect={selection.toggle}
                onSelectLoaded={selection.toggleLoaded}
                active={active}
                onActive={setActive}
                sort={(search.sort ?? "newest") as Order}
                canSortByEnd={isFinishedOrderFor(search)}
                onSort={(sort) =>
                  onSearch(sort === "newest" ? without(props.search, "sort") : { ...props.search, sort })
                }
              />
              <footer>
                <span>
                  {total === null
                    ? said.shownOfMany(count(list.size))
                    : said.shown(count(list.size), count(Math.max(total, list.size)))}
                </span>
                {list.isLoading && <span role="status">{said.loading}</span>}
                {missed > 0 && (
                  <>
                    <span className="soft">{said.missed(count(missed))}</span>
                    <Button size="small" onClick={list.showFresh}>
                      {said.showFresh}
                    </Button>
                  </>
                )}
                {!list.isLoading && list.next !== null && (
                  <Button size="small" onClick={list.loadMore}>
                    {list.partial === null ? said.more : said.searchOlder}
                  </Button>
                )}
              </footer>
            </div>
          </Rows>
          {list.error !== null && list.size > 0 && <Trouble error={list.error} again={list.loadMore} />}
          {(selection.isAll || selection.tasks.length > 0) && (
            <BulkBar
              deeds={deeds}
              isAll={selection.isAll}
              chosen={selection.tasks}
              loaded={list.rows.length}
              total={total}
              mayAll={hasFilters(search)}
              forbidden={why.many}
              onAll={selection.selectAll}
              onLoaded={selection.selectLoaded}
              onClear={selection.clear}
              onDeed={ask}
            />
          )}
        </>
      )}
      {asked !== null && (
        <BulkDialog
          deed={asked.deed}
          meant={asked.meant}
          filters={asked.meant.kind === "query" ? filters : ""}
          onClose={() => setAsked(null)}
          onGo={(given, many) => go(asked, given, many)}
        />
      )}
    </>
  );
}

function Rows(props: {
  list: TaskList;
  search: TaskSearch;
  own: TaskSearch;
  onSearch: (search: TaskSearch) => void;
  empty: ReactNode;
  children: ReactNode;
}) {
  const { list, search, own, onSearch, empty, children } = props;
  const { tasks: said } = useWords();
  if (list.isFirstLoad) return <Skeleton rows={12} />;
  if (list.size > 0) return children;
  if (list.error !== null) return <Trouble error={list.error} again={list.showFresh} />;
  const last = [...FILTERS].reverse().find((filter) => own[filter] !== undefined);
  if (last === undefined) return empty;
  if (list.next !== null) {
    return (
      <Empty title={said.noneYet}>
        <p>{list.partial}</p>
        <Button onClick={list.loadMore}>{said.searchOlder}</Button>
      </Empty>
    );
  }
  return (
    <Empty title={said.none}>
      <p>
        <bdi>{wordsOf(search, said)}</bdi>
      </p>
      <div className="row">
        <Button onClick={() => onSearch(without(own, last))}>
          {said.dropThis(said.is[last], said.valueOf(last, own[last] ?? ""))}
        </Button>
        <Button look="quiet" onClick={() => onSearch({})}>
          {said.clear}
        </Button>
      </div>
    </Empty>
  );
}

/** How many match; null while that is not known. */
function useTotal(search: TaskSearch, list: TaskList, isActive: boolean): number | null {
  const isCheap = isCountCheap(search);
  const { sort: _, ...filters } = search;
  const topics = isCheap ? [search.pool === undefined ? "pools" : `pools/${search.pool}`] : [];
  const isWhole = list.next === null && list.pages.length > 0;
  const counted = useQuery({
    ...reading<{ count: number }>("/task-count", { topics, query: { ...filters, counted: "true" } }),
    queryFn: ({ signal }) => call<{ count: number }>("/task-count", { query: queryOf(search, now()), signal }),
    enabled: isActive && !(isWhole && !isCheap),
    retry: false,
  });
  if (isWhole && !isCheap) return list.size;
  return counted.data?.count ?? (isWhole ? list.size : null);
}

interface Selection {
  isAll: boolean;
  tasks: readonly TaskRow[];
  has: (task: TaskRow) => boolean;
  toggle: (index: number, isRange: boolean) => void;
  toggleLoaded: () => void;
  selectLoaded: () => void;
  selectAll: () => void;
  clear: () => void;
}

function useSelection(list: TaskList, query: string): Selection {
  const [chosen, setChosen] = useState<ReadonlyMap<string, TaskRow>>(new Map());
  const [isAll, setAll] = useState(false);
  const last = useRef(-1);
  const clear = () => {
    setChosen(new Map());
    setAll(false);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another query is another list
  useEffect(clear, [query]);
  const selectLoaded = () => {
    setAll(false);
    setChosen(new Map(list.rows.map((task) => [placeOf(task), task])));
  };
  const current = useMemo(() => new Map(list.rows.map((task) => [placeOf(task), task])), [list.rows]);
  return {
    isAll,
    // As they are now, where they are still on the screen.
    tasks: [...chosen].map(([place, task]) => current.get(place) ?? task),
    has: (task) => chosen.has(placeOf(task)),
    toggle: (index, isRange) => {
      const from = isRange && last.current >= 0 ? Math.min(last.current, index) : index;
      const to = isRange && last.current >= 0 ? Math.max(last.current, index) : index;
      const next = new Map(isAll ? list.rows.map((task) => [placeOf(task), task]) : chosen);
      const first = list.rowAt(index);
      const isAdding = isRange || (first !== undefined && !next.has(placeOf(first)));
      for (let at = from; at <= to; at += 1) {
        const task = list.rowAt(at);
        if (!task) continue;
        if (isAdding) next.set(placeOf(task), task);
        else next.delete(placeOf(task));
      }
      last.current = index;
      setAll(false);
      setChosen(next);
    },
    toggleLoaded: () => (isAll || chosen.size > 0 ? clear() : selectLoaded()),
    selectLoaded,
    selectAll: () => {
      setChosen(new Map());
      setAll(true);
    },
    clear,
  };
}

function without(search: TaskSearch, name: Filter | "sort"): TaskSearch {
  const { [name]: _, ...rest } = search;
  return rest;
}

/** The filters as a sentence: `pool is images, tag is backfill`. */
function wordsOf(search: TaskSearch, said: ReturnType<typeof useWords>["tasks"]): string {
  return FILTERS.flatMap((filter) => {
    const value = search[filter];
    if (value === undefined) return [];
    const shown = filter === "state" ? said.anyOf(statesOf(value)) : said.valueOf(filter, value);
    return [`${said.is[filter]} ${shown}`];
  }).join(", ");
}
