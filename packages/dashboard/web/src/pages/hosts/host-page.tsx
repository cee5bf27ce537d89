import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import type { GoneHostView, HostView, KnownTaskView, ProcessView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { reading } from "../../api/queries.ts";
import { Meter } from "../../components/meter.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago, Lasting, Moment } from "../../components/time.tsx";
import { bytes, count, percent, significant } from "../../format/numbers.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";
import { Became, HowGone } from "./gone-hosts.tsx";
import { HEARTBEAT } from "./heartbeat.ts";
import { HostActions, StopTask } from "./host-actions.tsx";
import { HostLog } from "./host-log.tsx";
import { HOST_PARTS, type HostSearch } from "./host-search.ts";
import { HostNote, HostState, memoryOf, Slots, WaitsFor } from "./host-state.tsx";
import { useWaits, waitsOn } from "./use-waits.ts";

export function HostPage() {
  const { id } = useParams({ from: "/hosts/$id" });
  const { hosts: said } = useWords();
  const host = useQuery({
    ...reading<HostView>(pathOf("hosts", id), { topics: [`hosts/${id}`] }),
    ...every(HEARTBEAT),
    retry: false,
  });
  const crumbs = <Link to="/hosts">{said.title}</Link>;
  if (host.error instanceof ApiProblem && host.error.status === 404) return <GoneHost id={id} />;
  const name = host.data?.name ?? id;
  return (
    <>
      <PageHead
        crumbs={
          <>
            {crumbs} › {name}
          </>
        }
        title={
          <>
            <span>{name}</span>
            {host.data && (
              <>
                <span className="soft pid">pid {host.data.pid}</span> <HostState state={host.data.state} />
              </>
            )}
          </>
        }
        tab={name}
        lead={host.data && <BusySlots host={host.data} />}
        actions={host.data && <Actions host={host.data} />}
      />
      <Reading of={host} rows={8}>
        {(host) => (
          <>
            <HostNote host={host} />
            <Parts host={host} />
            <HostLog id={host.id} name={host.name} isLive />
          </>
        )}
      </Reading>
    </>
  );
}

function Actions({ host }: { host: HostView }) {
  const { data } = useQuery(reading<{ tasks: KnownTaskView[] }>("/known-tasks", { topics: ["hosts"] }));
  const alone = data?.tasks.filter(({ hosts }) => hosts.length === 1 && hosts[0] === host.name) ?? [];
  return <HostActions host={host} alone={alone.map(({ name }) => name)} />;
}

/** A host that lives no more: how it went, and its last words. */
function GoneHost({ id }: { id: string }) {
  const { hosts: said } = useWords();
  const hosts = useQuery(reading<{ gone?: GoneHostView[] }>("/hosts", { query: { gone: true }, topics: ["hosts"] }));
  const host = hosts.data?.gone?.find((gone) => gone.id === id || gone.name === id);
  const name = host?.name ?? id;
  const title = host ? said.isGone(name) : hosts.data ? said.unknown(id) : name;
  return (
    <>
      <PageHead
        crumbs={
          <>
            <Link to="/hosts">{said.title}</Link> › {name}
          </>
        }
        title={title}
        tab={title}
        lead={host && <HowGone host={host} />}
      />
      <Reading of={hosts}>
        {() =>
          host ? (
            <>
              <section className="card">
                <div className="body">
                  <dl className="facts">
                    <dt>{said.when}</dt>
                    <dd>
                      <Moment at={host.goneAt} />, <Ago at={host.goneAt} />
                    </dd>
                    <dt>{said.factNames.heard}</dt>
                    <dd>
                      <Moment at={host.heardAt} />
                    </dd>
                    <dt>{said.became}</dt>
                    <dd>
                      <Became host={host} />
                    </dd>
                    {host.running.length > 0 && (
                      <>
                        <dt>{said.lastRan}</dt>
                        <dd>
                          {host.running.map(({ jobId, task, pool }, index) => (
                            <span key={`${pool} ${jobId}`}>
                              {index > 0 && ", "}
                              <Link to="/tasks/$id" params={{ id: jobId }} search={{ pool }}>
                                {task}
                              </Link>
                            </span>
                          ))}
                        </dd>
                      </>
                    )}
                    <dt>{said.factNames.machine}</dt>
                    <dd>
                      {host.hostname}, pid {host.pid}
                    </dd>
                    <dt>{said.factNames.started}</dt>
                    <dd>
                      <Moment at={host.startedAt} />
                    </dd>
                    <dt>{said.factNames.done}</dt>
                    <dd>{said.factNames.doneFact(count(host.completed), count(host.failed))}</dd>
                  </dl>
                </div>
              </section>
              <HostLog id={host.id} name={host.name} isLive={false} />
            </>
          ) : (
            <Empty title={said.unknown(id)}>
              <p>{said.unknownHint}</p>
              <Link to="/hosts">{said.toAll}</Link>
            </Empty>
          )
        }
      </Reading>
    </>
  );
}

function BusySlots({ host }: { host: HostView }) {
  return <Slots host={host} waits={waitsOn(host, useWaits())} />;
}

function Parts({ host }: { host: HostView }) {
  const { hosts: said } = useWords();
  const { part = "children" } = useSearch({ from: "/hosts/$id" });
  const many = {
    children: host.children.length,
    tasks: host.tasks.length,
    processes: host.processes?.running ?? 0,
    facts: null,
  };
  return (
    <>
      <nav className="tabs" aria-label={said.parts(host.name)}>
        {HOST_PARTS.map((one) => (
          <Link
            key={one}
            to="/hosts/$id"
            params={{ id: host.id }}
            search={(before: HostSearch) => ({ ...before, part: one })}
            replace
            aria-current={part === one ? "page" : undefined}
          >
            {said[one]}
            {many[one] !== null && <span className="n">{count(many[one])}</span>}
          </Link>
        ))}
      </nav>
      {part === "children" && <Children host={host} />}
      {part === "tasks" && <Tasks host={host} />}
      {part === "processes" && <Processes host={host} />}
      {part === "facts" && <Facts host={host} />}
    </>
  );
}

interface ChildRow {
  key: string;
  run: HostView["running"][number] | null;
  child: HostView["children"][number] | null;
  /** What it was started as, where that is a process. */
  process: ProcessView | null;
}

/** Children, those that run something first; of a child that runs several tasks each of them. */
function rowsOf({ id, children, running }: HostView, processes: readonly ProcessView[]): ChildRow[] {
  const rows: ChildRow[] = running.map((run) => ({
    key: `${run.pool} ${run.jobId}`,
    run,
    child: children.find(({ pid }) => pid === run.pid) ?? null,
    process: null,
  }));
  rows.sort((left, right) => (left.run?.since ?? 0) - (right.run?.since ?? 0));
  const taken = new Set(running.map(({ pid }) => pid));
  // Threads have the pid of their host: where one of them runs something, the others may be idle.
  const idle = children.filter(({ pid, busy }) => !taken.has(pid) || !busy);
  const processOf = (child: HostView["children"][number]): ProcessView | null =>
    processes.find(({ hostId, pid, state }) => state === "running" && hostId === id && pid === child.pid) ?? null;
  return [
    ...rows,
    ...idle.map((child, index) => ({ key: `${child.pid} ${index}`, run: null, child, process: processOf(child) })),
  ];
}

function Children({ host }: { host: HostView }) {
  const { hosts: said } = useWords();
  const { data } = useQuery(
    reading<{ processes: ProcessView[] }>("/processes", { query: { output: false }, topics: ["processes"] }),
  );
  const waits = useWaits();
  const none = <span className="zero">–</span>;
  const columns: Column<ChildRow>[] = [
    {
      key: "task",
      head: said.task,
      className: "name",
      cell: ({ run, child, process }) => {
        if (run) {
          return (
            <>
              <Link to="/tasks/$id" params={{ id: run.jobId }} search={{ pool: run.pool }} title={run.jobId}>
                {run.task}
              </Link>{" "}
              <WaitsFor wait={waits.get(run.jobId)} />
            </>
          );
        }
        if (process) {
          return (
            <Link to="/processes" search={{ id: process.id }}>
              {process.name}
            </Link>
          );
        }
        return (
          <span className="soft">{child?.busy ? said.busyUnknown : child?.pool === null ? said.spare : said.idle}</span>
        );
      },
    },
    {
      key: "pool",
      head: said.pool,
      isMinor: true,
      cell: ({ run, child }) => {
        const pool = run?.pool ?? child?.pool ?? null;
        if (pool === null) return none;
        // The queues of processes are no pools.
        if (/^processes([.-]|$)/.test(pool)) return <span className="soft">{said.ofProcess}</span>;
        return (
          <Link className="soft" to="/pools/$name" params={{ name: pool }}>
            {pool}
          </Link>
        );
      },
    },
    {
      key: "since",
      head: said.runningFor,
      label: said.runningFor,
      isNumber: true,
      className: "nowrap",
      cell: ({ run, process }) => {
        const since = run?.since ?? process?.startedAt ?? null;
        return since === null ? none : <Lasting since={since} />;
      },
    },
    {
      key: "cpu",
      head: said.cpu,
      isMinor: true,
      cell: ({ child }) => {
        const cpu = child?.cpu;
        if (typeof cpu !== "number") return none;
        return (
          <span className="usage short">
            <span className="num">{percent(cpu)}</span>
            <Meter used={cpu} of={1} label={`${percent(cpu)} ${said.ofProcessor}`} />
          </span>
        );
      },
    },
    {
      key: "memory",
      head: said.memory,
      label: said.memory,
      isNumber: true,
      className: "nowrap",
      cell: ({ child }) => (typeof child?.memory === "number" ? bytes(child.memory) : none),
    },
    {
      key: "jobs",
      head: said.jobsRun,
      isNumber: true,
      isMinor: true,
      cell: ({ child }) => (child ? count(child.jobsRun) : none),
    },
    {
      key: "pid",
      head: said.pid,
      isNumber: true,
      isMinor: true,
      className: "mono",
      cell: ({ run, child }) => run?.pid ?? child?.pid,
    },
    {
      key: "age",
      head: said.age,
      isNumber: true,
      isMinor: true,
      className: "nowrap",
      cell: ({ child }) => (typeof child?.startedAt === "number" ? <Lasting since={child.startedAt} /> : none),
    },
    {
      key: "actions",
      head: <span className="hidden">{said.stop}</span>,
      isNumber: true,
      isMinor: true,
      cell: ({ run }) => run && <StopTask run={run} />,
    },
  ];
  const rows = rowsOf(host, data?.processes ?? []);
  return (
    <div className="card">
      {rows.length === 0 ? (
        <p className="body soft">{said.noChildren}</p>
      ) : (
        <Table caption={said.children} columns={columns} rows={rows} rowKey={({ key }) => key} />
      )}
    </div>
  );
}

function Tasks({ host }: { host: HostView }) {
  const { hosts: said } = useWords();
  const { data } = useQuery(reading<{ tasks: KnownTaskView[] }>("/known-tasks", { topics: ["hosts"] }));
  const known = new Map(data?.tasks.map((task) => [task.name, task]));
  const rows = [...host.tasks].sort();
  const columns: Column<string>[] = [
    {
      key: "name",
      head: said.task,
      className: "name",
      cell: (name) => (
        <Link to="/tasks" search={{ task: name, host: host.name }}>
          {name}
        </Link>
      ),
    },
    {
      key: "takes",
      head: said.takes,
      label: said.takes,
      isNumber: true,
      cell: (name) => known.get(name)?.takes ?? "–",
    },
    {
      key: "options",
      head: said.options,
      isFull: true,
      className: "mono small",
      cell: (name) => {
        const options = Object.entries(known.get(name)?.options ?? {});
        return options.map(([option, value]) => `${option} ${JSON.stringify(value)}`).join(", ") || "–";
      },
    },
    {
      key: "also",
      head: said.alsoOn,
      label: said.alsoOn,
      cell: (name) => {
        const others = (known.get(name)?.hosts ?? []).filter((other) => other !== host.name);
        if (known.has(name) && others.length === 0) return <span className="warn">{said.onlyHere}</span>;
        return others.slice(0, 3).join(", ") + (others.length > 3 ? ` +${others.length - 3}` : "");
      },
    },
  ];
  return (
    <div className="card">
      {rows.length === 0 ? (
        <p className="body soft">{said.noTasks}</p>
      ) : (
        <Table caption={said.tasks} columns={columns} rows={rows} rowKey={(name) => name} />
      )}
    </div>
  );
}

function Processes({ host }: { host: HostView }) {
  const { hosts: said, processes: words } = useWords();
  const processes = useQuery(
    reading<{ processes: ProcessView[] }>("/processes", { query: { output: false }, topics: ["processes"] }),
  );
  const columns: Column<ProcessView>[] = [
    {
      key: "name",
      head: words.process,
      className: "name",
      cell: ({ id, name }) => (
        <Link to="/processes" search={{ id }}>
          {name}
        </Link>
      ),
    },
    {
      key: "state",
      head: words.state,
      label: words.state,
      cell: ({ state }) => (isStateName(state) ? <State name={state} /> : state),
    },
    { key: "target", head: words.target, label: words.target, cell: ({ target }) => target },
    { key: "pid", head: words.pid, label: words.pid, isNumber: true, className: "mono", cell: ({ pid }) => pid ?? "–" },
    {
      key: "age",
      head: words.age,
      label: words.age,
      isNumber: true,
      className: "nowrap",
      cell: ({ startedAt, createdAt }) => <Lasting since={startedAt ?? createdAt} />,
    },
  ];
  return (
    <div className="card">
      <Reading of={processes} rows={2}>
        {({ processes }) => {
          const own = processes.filter(({ hostId }) => hostId === host.id);
          return own.length === 0 ? (
            <p className="body soft">{said.noProcesses}</p>
          ) : (
            <Table caption={said.processes} columns={columns} rows={own} rowKey={({ id }) => id} />
          );
        }}
      </Reading>
    </div>
  );
}

function Facts({ host }: { host: HostView }) {
  const { hosts: said, pools: words } = useWords();
  const names = said.factNames;
  const children = memoryOf(host) - host.memory;
  return (
    <section className="card" aria-label={said.facts}>
      <div className="body">
        <dl className="facts">
          <dt>{names.machine}</dt>
          <dd>
            {host.hostname}, pid {host.pid}
          </dd>
          <dt>{names.id}</dt>
          <dd className="mono">{host.id}</dd>
          <dt>{names.isolation}</dt>
          <dd>{words.isolationFact[host.isolation]}</dd>
          <dt>{names.pools}</dt>
          <dd>
            {host.pools === null
              ? said.everyPool
              : host.pools.map((name, index) => (
                  <span key={name}>
                    {index > 0 && ", "}
                    <Link to="/pools/$name" params={{ name }}>
                      {name}
                    </Link>
                  </span>
                ))}
          </dd>
          <dt>{names.processes}</dt>
          <dd>
            {host.processes
              ? names.processesFact(count(host.processes.running), count(host.processes.limit))
              : names.noProcesses}
          </dd>
          <dt>{names.cpu}</dt>
          <dd>
            {host.cpu === null || host.processors === null
              ? "–"
              : names.cpuFact(significant(host.cpu), count(host.processors))}
          </dd>
          <dt>{names.memory}</dt>
          <dd>{names.memoryFact(bytes(host.memory), bytes(children))}</dd>
          <dt>{names.done}</dt>
          <dd>{names.doneFact(count(host.completed), count(host.failed))}</dd>
          <dt>{names.version}</dt>
          <dd>{host.version}</dd>
          <dt>{names.started}</dt>
          <dd>
            <Moment at={host.startedAt} />
          </dd>
          <dt>{names.heard}</dt>
          <dd>
            <Moment at={host.beatAt} />
          </dd>
        </dl>
      </div>
    </section>
  );
}
