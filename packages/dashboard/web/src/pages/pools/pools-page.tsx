import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { PoolView } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Meter } from "../../components/meter.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

export function PoolsPage() {
  const { pools: said } = useWords();
  const pools = useQuery(reading<{ pools: PoolView[] }>("/pools", { topics: ["pools", "hosts"] }));
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={said.lead} />
      <Reading of={pools}>
        {({ pools }) => (pools.length === 0 ? <Empty title={said.empty} /> : <PoolTable pools={pools} />)}
      </Reading>
    </>
  );
}

function PoolTable({ pools }: { pools: readonly PoolView[] }) {
  const { pools: said } = useWords();
  const columns: Column<PoolView>[] = [
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
      cell: ({ active, size, slots }) => (
        <span className="usage">
          <span>
            <b>{count(active)}</b> <span className="soft">{said.of(count(size ?? slots))}</span>
          </span>
          <Meter used={active} of={size ?? slots} label={`${active} ${said.of(count(size ?? slots))}`} />
        </span>
      ),
    },
    {
      key: "waiting",
      head: said.waiting,
      label: said.waiting,
      isNumber: true,
      cell: ({ waiting, prioritized }) => count(waiting + prioritized),
    },
    { key: "failed", head: said.failed, label: said.failed, isNumber: true, cell: ({ failed }) => count(failed) },
  ];
  return (
    <div className="card">
      <Table caption={said.title} columns={columns} rows={pools} rowKey={({ name }) => name} onPhone="cards four" />
    </div>
  );
}
