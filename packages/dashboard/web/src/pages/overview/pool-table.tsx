import { Link } from "@tanstack/react-router";
import type { Overview } from "../../../../src/api/types.ts";
import { Meter } from "../../components/meter.tsx";
import { Glyph } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

type Pool = Overview["pools"][number];

/** What only takes its time, and needs nothing: as on the page of pools. */
const CALM: ReadonlySet<string> = new Set(["next", "full", "limited"]);

/** Pools with why their tasks wait. */
export function PoolTable({ pools }: { pools: readonly Pool[] }) {
  const { overview: said } = useWords();
  const columns: Column<Pool>[] = [
    {
      key: "name",
      head: said.pool,
      cell: ({ name }) => (
        <Link to="/pools/$name" params={{ name }}>
          {name}
        </Link>
      ),
    },
    {
      key: "running",
      head: said.running,
      label: said.running,
      cell: ({ active, limit, why }) => (
        <span className="usage">
          <span>
            <b>{count(active)}</b> <span className="soft">{said.of(count(limit))}</span>
          </span>
          <Meter
            used={active}
            of={limit}
            warn={why !== null && !CALM.has(why.kind)}
            label={`${count(active)} ${said.of(count(limit))}`}
          />
        </span>
      ),
    },
    {
      ...{ key: "waiting", head: said.waiting, label: said.waiting, isNumber: true },
      cell: ({ waiting }) => (waiting === 0 ? <span className="zero">0</span> : count(waiting)),
    },
    { key: "why", head: said.why, isFull: true, cell: ({ why }) => <Why why={why} /> },
    {
      ...{ key: "oldest", head: said.oldestColumn, label: said.oldestColumn, isNumber: true, className: "nowrap" },
      cell: ({ oldestSince }) => oldestSince !== null && <Lasting since={oldestSince} />,
    },
    {
      ...{ key: "failed", head: said.failedColumn, label: said.failedShort, isNumber: true },
      cell: ({ name, failed }) =>
        failed === 0 ? (
          <span className="zero">0</span>
        ) : (
          <Link className="bad" to="/failures" search={{ pool: name }}>
            {count(failed)}
          </Link>
        ),
    },
  ];
  return (
    <div className="card">
      <Table caption={said.pools} columns={columns} rows={pools} rowKey={({ name }) => name} onPhone="cards four" />
    </div>
  );
}

function Why({ why }: { why: Pool["why"] }) {
  const { overview: said } = useWords();
  if (why === null) return null;
  const { kind, name, count: many } = why;
  const look = { failed: "failed", terminated: "cancelled", paused: "paused", next: "active" } as const;
  const shape = look[kind as keyof typeof look] ?? (CALM.has(kind) ? "waiting" : "blocked");
  return (
    <span className={`state ${shape}`}>
      <Glyph name={shape} />
      <span>{said.reasons[kind](name, count(many ?? 0))}</span>
    </span>
  );
}
