import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useId } from "react";
import type { AuditEntry } from "../../../../src/api/types.ts";
import { call } from "../../api/call.ts";
import { Button } from "../../components/button.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { Glyph } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago } from "../../components/time.tsx";
import { useTyped } from "../../components/use-typed.ts";
import { live, now } from "../../live/live.ts";
import { useStore } from "../../store.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { type AuditSearch, auditSearch } from "./audit-search.ts";

interface AuditPart {
  entries: AuditEntry[];
  cursor?: string;
}

const HOUR = 3_600_000;
const SPANS = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR } as const;
const OUTCOMES = ["begun", "done", "refused", "failed"] as const;
/** The log is read again so often while the view is live, ms. */
const AGAIN = 10_000;

/** Who changed what. */
export function AuditPage() {
  const { audit: said } = useWords();
  const forbidden = useMay("readAudit");
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={said.lead} />
      {forbidden === undefined ? (
        <Log />
      ) : (
        <div className="note info">
          <Glyph name="info" />
          <p>{forbidden}</p>
        </div>
      )}
    </>
  );
}

function Log() {
  const { audit: said } = useWords();
  const given = useSearch({ strict: false });
  const search = auditSearch(given);
  const { state } = useStore(live);
  const log = useInfiniteQuery({
    queryKey: ["/audit", search] as const,
    queryFn: ({ pageParam, signal }) => {
      const { since, ...filters } = search;
      const from = since === undefined ? undefined : Math.floor(now() - SPANS[since]);
      return call<AuditPart>("/audit", { query: { ...filters, since: from, limit: 100, cursor: pageParam }, signal });
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.cursor,
    refetchInterval: state === "paused" ? false : AGAIN,
    meta: { topics: ["audit"] },
  });
  return (
    <>
      <Filters search={search} />
      <Reading of={log}>
        {({ pages }) => {
          const entries = pages.flatMap((page) => page.entries);
          if (entries.length === 0) return <Nothing isFiltered={Object.keys(search).length > 0} />;
          return (
            <div className="card">
              <Entries entries={entries} />
              {log.hasNextPage && (
                <footer>
                  <Button size="small" busy={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
                    {said.older}
                  </Button>
                </footer>
              )}
            </div>
          );
        }}
      </Reading>
    </>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  const { audit: said } = useWords();
  return isFiltered ? (
    <Empty title={said.noMatch}>
      <p>
        <Link to="/audit">{said.clear}</Link>
      </p>
    </Empty>
  ) : (
    <Empty title={said.empty}>
      <p>{said.emptyHint}</p>
    </Empty>
  );
}

function Filters({ search }: { search: AuditSearch }) {
  const { audit: said } = useWords();
  const navigate = useNavigate();
  const change = (part: AuditSearch): void => {
    const next = Object.entries({ ...search, ...part }).filter(([, value]) => value !== undefined && value !== "");
    void navigate({ to: "/audit", search: Object.fromEntries(next) as never, replace: true });
  };
  const kinds = Object.entries(said.kinds);
  const isOwn = search.what !== undefined && !(search.what in said.kinds);
  return (
    <search className="filters" aria-label={said.filters}>
      <TextFilter label={said.who} value={search.who ?? ""} onChange={(who) => change({ who })} />
      <Choice label={said.what} value={search.what ?? ""} onChange={(what) => change({ what })}>
        {kinds.map(([kind, words]) => (
          <option key={kind} value={kind}>
            {words}
          </option>
        ))}
        {isOwn && <option value={search.what}>{search.what}</option>}
      </Choice>
      <TextFilter label={said.target} value={search.target ?? ""} onChange={(target) => change({ target })} />
      <Choice
        label={said.outcome}
        value={search.outcome ?? ""}
        onChange={(outcome) => change({ outcome: outcome as AuditSearch["outcome"] })}
      >
        {OUTCOMES.map((outcome) => (
          <option key={outcome} value={outcome}>
            {said.outcomes[outcome]}
          </option>
        ))}
      </Choice>
      <Choice
        label={said.since}
        value={search.since ?? ""}
        onChange={(since) => change({ since: since as AuditSearch["since"] })}
      >
        <option value="hour">{said.sinceHour}</option>
        <option value="day">{said.sinceDay}</option>
        <option value="week">{said.sinceWeek}</option>
      </Choice>
    </search>
  );
}

function TextFilter({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const id = useId();
  const [typed, setTyped] = useTyped(value, onChange);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        className="input"
        id={id}
        type="search"
        autoComplete="off"
        maxLength={200}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
      />
    </div>
  );
}

function Choice(props: { label: string; value: string; onChange: (value: string) => void; children: ReactNode }) {
  const { label, value, onChange, children } = props;
  const { audit: said } = useWords();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select className="input" id={id} value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">{said.any}</option>
        {children}
      </select>
    </div>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const { audit: said } = useWords();
  const columns: Column<AuditEntry>[] = [
    {
      key: "what",
      head: said.what,
      isFull: true,
      cell: ({ action, details }) => (
        <span className="two-lines">
          <span className="mono">{action}</span>
          {details !== null && <small className="soft">{details}</small>}
        </span>
      ),
    },
    { key: "target", head: said.target, label: said.target, isFull: true, cell: (entry) => <Target entry={entry} /> },
    {
      key: "who",
      head: said.who,
      label: said.who,
      cell: ({ actor }) => (
        <span className="two-lines">
          <bdi>{actor.name}</bdi>
          <small className="soft">
            {actor.via === "dashboard" ? [actor.role, actor.address].filter(Boolean).join(", ") : said.by[actor.via]}
          </small>
        </span>
      ),
    },
    { key: "outcome", head: said.outcome, label: said.outcome, cell: (entry) => <Outcome entry={entry} /> },
    { key: "when", head: said.when, label: said.when, isNumber: true, cell: ({ at }) => <Ago at={at} /> },
  ];
  return <Table caption={said.caption} columns={columns} rows={entries} rowKey={({ id }) => id} onPhone="cards" />;
}

/** Leads to what was changed where that has a page of its own. */
function Target({ entry: { kind, target, action } }: { entry: AuditEntry }) {
  const text = <bdi className="target">{target}</bdi>;
  // What was submitted is named by its task, and has its id in the outcome.
  if (kind === "task" && action !== "task.submit" && /^\S+$/.test(target)) {
    return (
      <Link to="/tasks/$id" params={{ id: target }}>
        {text}
      </Link>
    );
  }
  if (kind === "pool" && target !== "") {
    return (
      <Link to="/pools/$name" params={{ name: target }}>
        {text}
      </Link>
    );
  }
  return text;
}

function Outcome({ entry: { outcome, result } }: { entry: AuditEntry }) {
  const { audit: said } = useWords();
  const glyph = { begun: "unknown", done: "completed", refused: "cancelled", failed: "failed" } as const;
  return (
    <span className="two-lines">
      <span
        className={`state ${outcome === "failed" ? "failed" : ""}`}
        title={outcome === "begun" ? said.begunHint : undefined}
      >
        <Glyph name={glyph[outcome]} /> {said.outcomes[outcome]}
      </span>
      {result !== null && <small className="soft target">{result}</small>}
    </span>
  );
}
