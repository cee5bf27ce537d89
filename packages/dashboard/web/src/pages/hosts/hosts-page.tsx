import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { GoneHostView, HostView } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { FindHere } from "../../components/find-here.tsx";
import { Command, Empty, PageHead, Reading } from "../../components/page.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago, Lasting } from "../../components/time.tsx";
import { bytes, count, percent } from "../../format/numbers.ts";
import { useNow } from "../../live/clock.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";
import { GoneHosts } from "./gone-hosts.tsx";
import { HEARTBEAT } from "./heartbeat.ts";
import { WayBack } from "./host-actions.tsx";
import { HostNote, HostState, memoryOf, Slots, WaitsFor } from "./host-state.tsx";
import { useWaits, type Waits, waitsOn } from "./use-waits.ts";

/** More hosts than these have a search. */
const FEW = 8;

export function HostsPage() {
  const { hosts: said } = useWords();
  const hosts = useQuery({
    ...reading<{ hosts: HostView[]; gone?: GoneHostView[] }>("/hosts", { query: { gone: true }, topics: ["hosts"] }),
    ...every(HEARTBEAT),
  });
  const all = hosts.data?.hosts;
  const slots = all?.reduce((sum, host) => sum + host.slots, 0) ?? 0;
  return (
    <>
      <PageHead
        title={said.title}
        tab={said.title}
        lead={
          all && all.length > 0
            ? all.length === 1
              ? said.oneHost(count(slots))
              : said.lead(count(all.length), count(slots))
            : "\u00a0"
        }
        actions={<StartAnother />}
      />
      <Reading of={hosts} rows={5}>
        {({ hosts, gone = [] }) => (
          <>
            {hosts.length === 0 ? (
              <Empty title={said.empty}>
                <p>{said.emptyHint}</p>
                <Command text={said.command} />
              </Empty>
            ) : (
              <HostList hosts={hosts} />
            )}
            <GoneHosts gone={gone} />
          </>
        )}
      </Reading>
    </>
  );
}

function StartAnother() {
  const { hosts: said, common } = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="add" onClick={() => setOpen(true)}>
        {said.start}
      </Button>
      {isOpen && (
        <Dialog title={said.startTitle} onClose={() => setOpen(false)}>
          <p>{said.startHint}</p>
          <Command text={said.command} />
          <footer>
            <Button onClick={() => setOpen(false)}>{common.close}</Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function HostList({ hosts }: { hosts: readonly HostView[] }) {
  const { hosts: said } = useWords();
  const { q } = useSearch({ from: "/hosts" });
  const navigate = useNavigate({ from: "/hosts" });
  const find = (text: string): void => void navigate({ search: text === "" ? {} : { q: text }, replace: true });
  const shown = useMemo(() => {
    const wanted = q?.toLowerCase();
    if (wanted === undefined) return hosts;
    return hosts.filter(({ name, tasks, hostname }) =>
      [name, hostname, ...tasks].some((text) => text.toLowerCase().includes(wanted)),
    );
  }, [hosts, q]);
  const inTrouble = hosts.filter(({ state, troubles }) => state !== "running" || troubles.length > 0).slice(0, 5);
  return (
    <>
      {(hosts.length > FEW || q !== undefined) && (
        <div className="row">
          <FindHere label={said.find} value={q ?? ""} onChange={find} />
        </div>
      )}
      {shown.length === 0 ? (
        <Empty title={said.noMatch(q ?? "")}>
          <p>
            <Button onClick={() => find("")}>{said.showAll}</Button>
          </p>
        </Empty>
      ) : (
        <div className="card">
          <HostTable hosts={shown} />
        </div>
      )}
      {inTrouble.map((host) => (
        <section key={host.id} className="stack tight" aria-label={host.name}>
          <h2 className="small">
            <Link to="/hosts/$id" params={{ id: host.id }}>
              {host.name}
            </Link>
          </h2>
          <HostNote host={host}>
            <WayBack host={host} />
          </HostNote>
        </section>
      ))}
    </>
  );
}

function HostTable({ hosts }: { hosts: readonly HostView[] }) {
  const { hosts: said } = useWords();
  const navigate = useNavigate();
  const waits = useWaits();
  const columns: Column<HostView>[] = [
    {
      key: "name",
      head: said.host,
      className: "name",
      cell: ({ id, name }) => (
        <Link to="/hosts/$id" params={{ id }} title={name}>
          {name}
        </Link>
      ),
    },
    { key: "state", head: said.state, label: said.state, cell: ({ state }) => <HostState state={state} /> },
    {
      key: "slots",
      head: said.slots,
      label: said.slots,
      className: "span2",
      cell: (host) => <Slots host={host} waits={waitsOn(host, waits)} />,
    },
    { key: "doing", head: said.doing, isFull: true, cell: (host) => <Doing host={host} waits={waits} /> },
    {
      key: "cpu",
      head: said.cpu,
      label: said.cpu,
      isNumber: true,
      cell: ({ cpu, processors }) =>
        cpu === null || processors === null ? <span className="zero">–</span> : percent(cpu / processors),
    },
    {
      key: "memory",
      head: said.memory,
      label: said.memory,
      isNumber: true,
      className: "nowrap",
      cell: (host) =>
        host.machineMemory === null
          ? bytes(memoryOf(host))
          : said.memoryOf(bytes(memoryOf(host)), bytes(host.machineMemory)),
    },
    {
      key: "version",
      head: said.version,
      label: said.version,
      className: "nowrap mid-off",
      cell: ({ version }) => version,
    },
    {
      key: "up",
      head: said.up,
      isNumber: true,
      isMinor: true,
      className: "nowrap",
      cell: ({ startedAt }) => <Lasting since={startedAt} />,
    },
    {
      key: "heard",
      head: said.heard,
      isNumber: true,
      isMinor: true,
      className: "nowrap",
      cell: ({ beatAt }) => <Heard at={beatAt} />,
    },
  ];
  return (
    <Table
      caption={said.title}
      columns={columns}
      rows={hosts}
      rowKey={({ id }) => id}
      onOpen={({ id }) => void navigate({ to: "/hosts/$id", params: { id } })}
    />
  );
}

/** The clock of a host may be some ms ahead: that is now. */
function Heard({ at }: { at: number }) {
  const now = useNow();
  return <Ago at={Math.min(at, now)} />;
}

function Doing({ host, waits }: { host: HostView; waits: Waits }) {
  const { hosts: said } = useWords();
  const [first] = [...host.running].sort((left, right) => left.since - right.since);
  if (!first) return <span className="zero">{said.nothing}</span>;
  return (
    <span className="doing">
      <Link to="/tasks/$id" params={{ id: first.jobId }} search={{ pool: first.pool }}>
        {first.task}
      </Link>
      <Lasting since={first.since} />
      <WaitsFor wait={waits.get(first.jobId)} />
      {host.running.length > 1 && <span className="soft">{said.moreTasks(host.running.length - 1)}</span>}
    </span>
  );
}
