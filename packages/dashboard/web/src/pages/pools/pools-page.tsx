import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { HostView, PoolRateRow, PoolView } from "../../../../src/api/types.ts";
import { allPools } from "../../api/all-pools.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { FindHere } from "../../components/find-here.tsx";
import { Meter } from "../../components/meter.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { count } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";
import { CourseSpark } from "./course.tsx";
import { CreatePool } from "./create-pool.tsx";
import { delayedOf, isStuck, type LockedPools, roomOf, useLockedPools, Why, waitingOf } from "./hindrance.tsx";
import { PauseButton } from "./pool-actions.tsx";
import type { PoolOrder, PoolsSearch } from "./pool-search.ts";

/** Longer names may break, characters. */
const LONG_NAME = 30;
/** Names of pools that do not go on which the head of the page says. */
const NAMED = 4;

export function PoolsPage() {
  const { pools: said } = useWords();
  const pools = useQuery(allPools);
  const all = pools.data?.pools;
  return (
    <>
      <PageHead
        title={said.title}
        tab={said.title}
        lead={all && all.length > 0 ? <Lead pools={all} /> : "\u00a0"}
        actions={<CreatePool taken={all?.map(({ name }) => name) ?? []} />}
      />
      <Reading of={pools} rows={8}>
        {({ pools }) =>
          pools.length === 0 ? (
            <Empty title={said.empty}>
              <p>{said.emptyHint}</p>
            </Empty>
          ) : (
            <PoolList pools={pools} />
          )
        }
      </Reading>
    </>
  );
}

function Lead({ pools }: { pools: readonly PoolView[] }) {
  const { pools: said } = useWords();
  const locked = useLockedPools();
  const running = pools.reduce((sum, { active }) => sum + active, 0);
  const stuck = pools.filter((pool) => isStuck(pool, locked)).map(({ name }) => name);
  const rest = stuck.length - NAMED;
  const names = stuck.slice(0, NAMED).join(", ") + (rest > 0 ? said.stuckMore(count(rest)) : "");
  return (
    <>
      {said.lead(count(pools.length), count(running))} {stuck.length > 0 && said.stuckLead(stuck.length, names)}
    </>
  );
}

function PoolList({ pools }: { pools: readonly PoolView[] }) {
  const { pools: said } = useWords();
  const search: PoolsSearch = useSearch({ from: "/pools" });
  const navigate = useNavigate({ from: "/pools" });
  const { data: rates } = useQuery({
    ...reading<{ pools: PoolRateRow[] }>("/pool-rates", { topics: [] }),
    ...every(30_000),
  });
  const { data: fleet } = useQuery(reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }));
  // The page keeps its order while numbers change: the row under the pointer stays there.
  const [frozen, setFrozen] = useState<readonly string[] | null>(null);
  const lately = useMemo(() => new Map(rates?.pools.map((row) => [row.pool, row])), [rates]);
  const locked = useLockedPools();
  const rows = useMemo(() => shown(pools, search, { lately, locked }), [pools, search, lately, locked]);
  const ordered = useMemo(() => {
    if (!frozen) return rows;
    const place = new Map(frozen.map((name, index) => [name, index]));
    return [...rows].sort((left, right) => (place.get(left.name) ?? 1e9) - (place.get(right.name) ?? 1e9));
  }, [rows, frozen]);
  const change = (next: PoolsSearch): void => {
    setFrozen(null);
    void navigate({ search: next, replace: true });
  };
  const without = ({ show: _, ...rest }: PoolsSearch): PoolsSearch => rest;
  return (
    <>
      <div className="row">
        <FindHere
          label={said.find}
          value={search.q ?? ""}
          onChange={(q) => {
            const { q: _, ...rest } = search;
            change(q === "" ? rest : { ...rest, q });
          }}
        />
        <Segments
          label={said.show}
          choices={[
            ["all", said.all],
            ["stuck", said.stuck],
            ["unnamed", said.ofUnnamed],
          ]}
          chosen={search.show ?? "all"}
          onChoose={(show) => change(show === "all" ? without(search) : { ...search, show })}
        />
      </div>
      {ordered.length === 0 ? (
        <Empty title={search.q === undefined ? said.noStuck : said.noMatch(search.q)}>
          <p>
            <Button onClick={() => change({})}>{said.showAll}</Button>
          </p>
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: it only keeps rows from moving under the pointer
        <div
          className="card wide-table"
          onMouseEnter={() => setFrozen(rows.map(({ name }) => name))}
          onMouseLeave={() => setFrozen(null)}
        >
          <PoolTable rows={ordered} {...{ lately, locked, search, change }} hosts={fleet?.hosts ?? []} />
        </div>
      )}
    </>
  );
}

function PoolTable(props: {
  rows: readonly PoolView[];
  lately: ReadonlyMap<string, PoolRateRow>;
  locked: LockedPools;
  hosts: readonly HostView[];
  search: PoolsSearch;
  change: (search: PoolsSearch) => void;
}) {
  const { rows, lately, locked, hosts, search, change } = props;
  const { pools: said } = useWords();
  const navigate = useNavigate();
  const sort = search.sort ?? "-oldest";
  const sorting = (order: PoolOrder) => {
    const isThis = sort.replace(/^-/, "") === order;
    const isDown = sort.startsWith("-");
    const next = isThis ? (isDown ? order : (`-${order}` as const)) : order === "name" ? order : (`-${order}` as const);
    return {
      sorted: isThis ? (isDown ? ("descending" as const) : ("ascending" as const)) : undefined,
      onSort: () => change({ ...search, sort: next }),
    };
  };
  const zero = (number: number) => <span className={number === 0 ? "zero" : undefined}>{count(number)}</span>;
  const columns: Column<PoolView>[] = [
    {
      key: "name",
      head: said.pool,
      ...sorting("name"),
      className: "name",
      cell: ({ name }) => (
        // A name of usual length stands in one line; a longer one breaks rather than push the others out.
        <Link
          to="/pools/$name"
          params={{ name }}
          title={name}
          {...(name.length <= LONG_NAME && { className: "nowrap" })}
        >
          {name}
        </Link>
      ),
    },
    {
      key: "running",
      head: said.running,
      label: said.running,
      ...sorting("running"),
      cell: (pool) => (
        <span className="usage">
          <span>
            <b>{count(pool.active)}</b> <span className="soft">{said.of(count(roomOf(pool)))}</span>
          </span>
          <Meter
            used={pool.active}
            of={roomOf(pool)}
            label={said.used(count(pool.active), count(roomOf(pool)))}
            warn={isStuck(pool, locked)}
          />
        </span>
      ),
    },
    {
      key: "oldest",
      head: said.oldest,
      label: said.oldestShort,
      isNumber: true,
      className: "nowrap",
      ...sorting("oldest"),
      cell: ({ oldestWaiting }) => (oldestWaiting === null ? <span className="zero">–</span> : duration(oldestWaiting)),
    },
    {
      key: "waiting",
      head: said.waiting,
      label: said.waiting,
      isNumber: true,
      ...sorting("waiting"),
      cell: (pool) => zero(waitingOf(pool)),
    },
    { key: "why", head: said.why, isFull: true, cell: (pool) => <Why pool={pool} locked={locked} /> },
    {
      key: "delayed",
      head: said.delayed,
      isNumber: true,
      isMinor: true,
      ...sorting("delayed"),
      cell: (pool) => zero(delayedOf(pool)),
    },
    { key: "course", head: said.lastHour, isMinor: true, cell: ({ name }) => <CourseSpark pool={name} /> },
    {
      key: "run",
      head: said.runP95,
      isNumber: true,
      isMinor: true,
      className: "nowrap",
      ...sorting("run"),
      cell: ({ name }) => {
        const ms = lately.get(name)?.runP95;
        return typeof ms === "number" ? duration(ms) : <span className="zero">–</span>;
      },
    },
    {
      key: "failed",
      head: said.failed,
      label: said.failedShort,
      isNumber: true,
      ...sorting("failed"),
      cell: ({ name }) => {
        const failed = lately.get(name)?.failed ?? 0;
        return failed === 0 ? zero(0) : <b className="bad">{count(failed)}</b>;
      },
    },
    {
      key: "hosts",
      head: said.hosts,
      isMinor: true,
      className: "hosts",
      cell: (pool) => <Hosts pool={pool} hosts={hosts} />,
    },
    {
      key: "actions",
      head: <span className="hidden">{said.pause}</span>,
      isNumber: true,
      isMinor: true,
      cell: (pool) => <PauseButton pool={pool} isSmall />,
    },
  ];
  return (
    <Table
      caption={said.title}
      columns={columns}
      rows={rows}
      rowKey={({ name }) => name}
      onPhone="cards four"
      onOpen={({ name }) => void navigate({ to: "/pools/$name", params: { name } })}
    />
  );
}

function Hosts({ pool, hosts }: { pool: PoolView; hosts: readonly HostView[] }) {
  const { pools: said, states } = useWords();
  const serving = hosts.filter(({ pools }) => pools === null || pools.includes(pool.name));
  if (serving.length === 0) return <span className="zero">{said.noOne}</span>;
  const all = serving.map(({ name }) => name).join(", ");
  return (
    <span className="cut" title={all}>
      {serving.slice(0, 2).map(({ id, name, state }, index) => (
        <span key={id}>
          {index > 0 && ", "}
          {name}
          {state !== "running" && (
            <span className="warn"> ({(states as Readonly<Record<string, string>>)[state] ?? state})</span>
          )}
        </span>
      ))}
      {serving.length > 2 && ` +${serving.length - 2}`}
    </span>
  );
}

function shown(
  pools: readonly PoolView[],
  { q, show, sort = "-oldest" }: PoolsSearch,
  { lately, locked }: { lately: ReadonlyMap<string, PoolRateRow>; locked: LockedPools },
): PoolView[] {
  const wanted = q?.toLowerCase();
  const found = pools.filter(
    (pool) =>
      (wanted === undefined || pool.name.toLowerCase().includes(wanted)) &&
      (show !== "stuck" || isStuck(pool, locked)) &&
      (show !== "unnamed" || pool.unnamed),
  );
  const order = sort.replace(/^-/, "") as PoolOrder;
  const sign = sort.startsWith("-") ? -1 : 1;
  const value: Record<Exclude<PoolOrder, "name">, (pool: PoolView) => number> = {
    running: ({ active }) => active,
    oldest: ({ oldestWaiting }) => oldestWaiting ?? -1,
    waiting: waitingOf,
    delayed: delayedOf,
    run: ({ name }) => lately.get(name)?.runP95 ?? -1,
    failed: ({ name }) => lately.get(name)?.failed ?? 0,
  };
  return found.sort((left, right) => {
    const byName = left.name.localeCompare(right.name);
    return order === "name" ? sign * byName : sign * (value[order](left) - value[order](right)) || byName;
  });
}
