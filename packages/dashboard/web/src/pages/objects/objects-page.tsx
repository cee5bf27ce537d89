import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { ObjectPage as PageAnswer, WaitGraph } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Icon } from "../../components/icon.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { count } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import type { ObjectSearch } from "../../router.tsx";
import { useWords, type Words } from "../../words/index.ts";
import { objectName } from "./names.ts";
import { ObjectDetail } from "./object-detail.tsx";
import { idOf, type Listed, listedOf, listedOfGraph, ObjectList, stuckObjects } from "./object-list.tsx";
import { WaitGraphCards } from "./wait-graph-cards.tsx";

/** Objects that are listed at first, and with each press more. */
const PAGE = 100;
/** Time after which a search that is typed is made, ms. */
const TYPING = 250;

/** Shared objects: who blocks whom, what is the way out, and what each object is and holds. */
export function ObjectsPage() {
  const said = useWords();
  const words = said.objects;
  const { kind, text, object: chosen } = useSearch({ from: "/objects" });
  const [limit, setLimit] = useState(PAGE);
  const graph = useQuery(reading<WaitGraph>("/wait-graph", { topics: ["objects"], every: 2_000 }));
  const query = { kind, text, limit: Math.min(500, limit) };
  const list = useQuery({
    ...reading<PageAnswer>("/objects", { topics: ["objects"], query, every: 5_000 }),
    placeholderData: (before: PageAnswer | undefined) => before,
  });
  const total = list.data && Object.values(list.data.counts).reduce((sum, each) => sum + each, 0);
  const isFiltered = kind !== undefined || text !== undefined;
  const lead = [
    total === undefined || isFiltered ? "" : `${words.count(count(total))}.`,
    graph.data ? waitsText(graph.data, words) : "",
  ]
    .filter(Boolean)
    .join(" ");
  const alarm =
    graph.data && graph.data.deadlocks.length > 0 ? words.deadlocks(count(graph.data.deadlocks.length)) : null;
  const tab = chosen === undefined ? (alarm ?? words.title) : visible(objectName(chosen));
  const isEmpty = total === 0 && !isFiltered && graph.data?.total === 0;
  return (
    <>
      <div className={chosen === undefined ? "" : "unseen-on-phone"}>
        <PageHead title={words.title} tab={tab} lead={lead || words.lead} />
      </div>
      {isEmpty && chosen === undefined ? (
        <Empty title={words.empty}>
          <p>{words.emptyHint}</p>
        </Empty>
      ) : (
        <>
          <div className={`stack wide${chosen === undefined ? "" : " not-phone"}`}>
            <Reading of={graph} rows={4}>
              {(answer) => <WaitGraphCards graph={answer} />}
            </Reading>
          </div>
          <Browser list={list} graph={graph.data} total={total} onMore={() => setLimit(limit + PAGE)} />
        </>
      )}
    </>
  );
}

function waitsText({ deadlocks, total }: WaitGraph, words: Words["objects"]): string {
  if (total === 0) return words.noWaits;
  const behind = deadlocks.reduce((sum, deadlock) => sum + deadlock.waits, 0);
  const waits = words.waits(count(total));
  if (deadlocks.length === 0) return `${waits}.`;
  const circles = String(deadlocks.length);
  if (behind >= total) return words.allBehindDeadlocks(waits, circles);
  return words.someBehindDeadlocks(waits, count(behind), circles);
}

function Browser(props: {
  list: { data: PageAnswer | undefined; error: Error | null; refetch: () => unknown };
  graph: WaitGraph | undefined;
  total: number | undefined;
  onMore: () => void;
}) {
  const { list, graph, total, onMore } = props;
  const { objects: words } = useWords();
  const { kind, text, object: chosen } = useSearch({ from: "/objects" });
  const place = useRef<HTMLElement>(null);
  const listed = listedIn({ page: list.data, graph, kind, text });
  const opened = chosen ?? (listed[0] && idOf(listed[0])) ?? null;
  const left = list.data && list.data.cursor !== undefined ? list.data.total - list.data.objects.length : 0;
  return (
    <section className="stack wide browser" ref={place} id="object" aria-label={words.listLabel}>
      <div className={`finder${chosen === undefined ? "" : " not-phone"}`}>
        <Kinds counts={list.data?.counts} total={total} />
      </div>
      {chosen !== undefined && (
        <Link className="only-phone back" to="/objects" search={({ object: _, ...rest }: ObjectSearch) => rest}>
          ‹ {words.toAll(count(total ?? 0))}
        </Link>
      )}
      <Reading of={list} rows={8}>
        {() => (
          <div className="md">
            <div className={`stack tight${chosen === undefined ? "" : " not-phone"}`}>
              <Search />
              {listed.length === 0 ? (
                <NoMatch />
              ) : (
                <ObjectList
                  objects={listed}
                  chosen={opened}
                  stuck={stuckObjects(graph)}
                  more={
                    left > 0 && (
                      <footer className="part">
                        <Button size="small" onClick={onMore}>
                          {words.more(count(Math.min(left, PAGE)))}
                        </Button>
                      </footer>
                    )
                  }
                />
              )}
            </div>
            <div className={chosen === undefined ? "not-phone" : ""}>
              {opened !== null && <ObjectDetail key={opened} id={opened} graph={graph} />}
            </div>
          </div>
        )}
      </Reading>
    </section>
  );
}

/** First what is waited for, because that is what is looked for; then the rest by kind and name. */
function listedIn(from: {
  page: PageAnswer | undefined;
  graph: WaitGraph | undefined;
  kind: string | undefined;
  text: string | undefined;
}): Listed[] {
  const { page, graph, kind, text = "" } = from;
  const listed = (page?.objects ?? []).map(listedOf);
  const views = new Map(listed.map((object) => [idOf(object), object]));
  const wanted = text.toLowerCase();
  const waited = (graph ? listedOfGraph(graph) : []).filter(
    (object) => (kind === undefined || object.kind === kind) && object.name.toLowerCase().includes(wanted),
  );
  const first = waited.map((object) => views.get(idOf(object)) ?? object);
  const named = new Set(first.map(idOf));
  return [...first, ...listed.filter((object) => !named.has(idOf(object)))];
}

function Kinds({ counts, total }: { counts: Readonly<Record<string, number>> | undefined; total: number | undefined }) {
  const { objects: words } = useWords();
  const { kind } = useSearch({ from: "/objects" });
  // The order is that of the words, so that a tab keeps its place.
  const known = Object.keys(words.kinds).filter((name) => (counts?.[name] ?? 0) > 0 || name === kind);
  const others = Object.keys(counts ?? {}).filter((name) => !Object.hasOwn(words.kinds, name));
  return (
    <nav className="tabs" aria-label={words.kindsLabel}>
      <KindTab name={undefined} isChosen={kind === undefined} number={total}>
        {words.all}
      </KindTab>
      {[...known, ...others].map((name) => (
        <KindTab key={name} name={name} isChosen={kind === name} number={counts?.[name] ?? 0}>
          {words.kinds[name] ?? visible(name)}
        </KindTab>
      ))}
    </nav>
  );
}

function KindTab(props: {
  name: string | undefined;
  isChosen: boolean;
  number: number | undefined;
  children: ReactNode;
}) {
  const { name, isChosen, number, children } = props;
  return (
    <Link
      to="/objects"
      search={({ object: _, kind: __, ...rest }: ObjectSearch) => ({
        ...rest,
        ...(name !== undefined && { kind: name }),
      })}
      aria-current={isChosen ? "page" : undefined}
      activeOptions={{ exact: true, includeSearch: true }}
      resetScroll={false}
    >
      {children}
      {number !== undefined && <span className="n">{count(number)}</span>}
    </Link>
  );
}

function Search() {
  const { objects: words } = useWords();
  const { text = "" } = useSearch({ from: "/objects" });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => {
      void navigate({
        to: "/objects",
        search: ({ object: _, text: __, ...rest }: ObjectSearch) => ({ ...rest, ...(typed !== "" && { text: typed }) }),
        replace: true,
        resetScroll: false,
      });
    }, TYPING);
    return () => clearTimeout(timer);
  }, [typed, text, navigate]);
  return (
    <span className="search-field">
      <Icon name="search" />
      <input
        className="input"
        type="search"
        aria-label={words.search}
        placeholder={words.search}
        maxLength={200}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
      />
    </span>
  );
}

function NoMatch() {
  const { objects: words } = useWords();
  return (
    <Empty title={words.noMatch}>
      <p>{words.noMatchHint}</p>
      <Link className="btn small" to="/objects" search={{}}>
        {words.clear}
      </Link>
    </Empty>
  );
}
