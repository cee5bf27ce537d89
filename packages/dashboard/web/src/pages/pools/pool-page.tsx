import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment } from "react";
import type { HostView, PoolLimitsView, PoolView, TaskRow } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { reading } from "../../api/queries.ts";
import { Icon } from "../../components/icon.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Lasting, Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";
import { HEARTBEAT } from "../hosts/heartbeat.ts";
import { AddTask } from "./add-task.tsx";
import { courseOf } from "./course.tsx";
import { delayedOf, HindranceNote, PoolState, roomOf, waitingOf } from "./hindrance.tsx";
import { LimitPool } from "./limit-pool.tsx";
import { DrainPool, PauseButton, RemovePool, ResetPool, ResizePool } from "./pool-actions.tsx";
import { PoolHistory } from "./pool-history.tsx";

const ADD_TASK = "add-a-task";
/** Rows of the tables of the page; links lead to all. */
const ROWS = 10;

export function PoolPage() {
  const { name } = useParams({ from: "/pools/$name" });
  const { pools: said } = useWords();
  const pool = useQuery(reading<PoolView>(pathOf("pools", name), { topics: [`pools/${name}`, "hosts"] }));
  const crumbs = (
    <>
      <Link to="/pools">{said.title}</Link> › {name}
    </>
  );
  if (pool.error instanceof ApiProblem && pool.error.status === 404) {
    return (
      <>
        <PageHead crumbs={crumbs} title={name} tab={name} />
        <Empty title={said.gone(name)}>
          <p>{said.goneHint}</p>
          <Link to="/pools">{said.toAll}</Link>
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageHead
        crumbs={crumbs}
        title={
          <>
            <span>{name}</span> {pool.data && <PoolState pool={pool.data} />}
          </>
        }
        tab={name}
        lead={pool.data?.unnamed ? said.unnamedHint : undefined}
        actions={pool.data && <Actions pool={pool.data} />}
      />
      <Reading of={pool} rows={8}>
        {(pool) => <Parts pool={pool} />}
      </Reading>
    </>
  );
}

function Actions({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  return (
    <>
      <ResetPool pool={pool} />
      <a className="btn" href={`#${ADD_TASK}`}>
        <Icon name="add" />
        {said.add}
      </a>
      <PauseButton pool={pool} />
      <ResizePool pool={pool} />
      <DrainPool pool={pool} />
      <RemovePool pool={pool} />
    </>
  );
}

function Parts({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const { data: fleet } = useQuery({
    ...reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }),
    ...every(HEARTBEAT),
  });
  const hosts = (fleet?.hosts ?? []).filter(({ pools }) => pools === null || pools.includes(pool.name));
  return (
    <>
      <HindranceNote pool={pool} />
      {pool.failure !== null && (
        <div className="note bad">
          <div className="grow">
            <b>{said.failure}</b>
            <pre className="failure">{pool.failure}</pre>
          </div>
        </div>
      )}
      <Figures pool={pool} hosts={hosts} />
      <div className="grid2">
        <div className="stack wide">
          <PoolHistory pool={pool.name} />
          <Running pool={pool} hosts={hosts} />
          <Next pool={pool} />
        </div>
        <div className="stack wide">
          <Limits pool={pool} />
          <Turns pool={pool} />
          <ServedBy pool={pool} hosts={hosts} />
          <AddTask pool={pool.name} id={ADD_TASK} />
        </div>
      </div>
    </>
  );
}

function Figures({ pool, hosts }: { pool: PoolView; hosts: readonly HostView[] }) {
  const { pools: said } = useWords();
  const { data: course } = useQuery(courseOf(pool.name));
  const sum = (numbers: readonly number[] = []): number => numbers.reduce((total, number) => total + number, 0);
  const lately = course ? sum(course.completed.slice(-6, -1)) / 5 : null;
  const [completed, failed] = [sum(course?.completed), sum(course?.failed)];
  const perHost = hosts
    .map((host) => [host.name, host.running.filter((run) => run.pool === pool.name).length] as const)
    .filter(([, running]) => running > 0)
    .slice(0, 3)
    .map(([name, running]) => `${name} ${running}`)
    .join(", ");
  const delayed = delayedOf(pool);
  return (
    <section className="figures" aria-label={said.figures} style={{ "--n": 5 } as React.CSSProperties}>
      <Link to="/tasks" search={{ pool: pool.name, state: "active" }}>
        <span className="label">{said.running}</span>
        <b>
          {count(pool.active)} <i>{said.of(count(roomOf(pool)))}</i>
        </b>
        <small className="cut">{perHost === "" ? said.figureRunning(count(pool.slots)) : perHost}</small>
      </Link>
      <Link to="/tasks" search={{ pool: pool.name, state: "waiting" }}>
        <span className="label">{said.waiting}</span>
        <b>{count(waitingOf(pool))}</b>
        <small>
          {pool.parked > 0
            ? said.figureWaiting(count(pool.parked))
            : delayed > 0
              ? said.figureDelayed(count(delayed))
              : "\u00a0"}
        </small>
      </Link>
      <div>
        <span className="label">{said.oldest}</span>
        <b>{pool.oldestWaiting === null ? "–" : duration(pool.oldestWaiting)}</b>
        <small>{pool.oldestWaiting === null ? "\u00a0" : said.figureOldest}</small>
      </div>
      <div>
        <span className="label">{said.perMinute}</span>
        <b>{lately === null ? "–" : lately < 10 ? Number(lately.toFixed(1)) : count(lately)}</b>
        <small>{said.perMinuteOver(count(completed))}</small>
      </div>
      <Link to="/tasks" search={{ pool: pool.name, state: "failed" }}>
        <span className={failed > 0 ? "label bad" : "label"}>{said.failedHour}</span>
        <b>{count(failed)}</b>
        <small>{said.failedKept(count(pool.failed))}</small>
      </Link>
    </section>
  );
}

function Running({ pool, hosts }: { pool: PoolView; hosts: readonly HostView[] }) {
  const { pools: said } = useWords();
  const { name } = pool;
  const query = { pool: name, state: "active", limit: ROWS };
  const tasks = useQuery(reading<{ tasks: TaskRow[] }>("/tasks", { query, topics: [`pools/${name}`] }));
  const pids = new Map(
    hosts.flatMap((host) =>
      host.running.filter((run) => run.pool === name).map((run) => [run.jobId, { host, pid: run.pid }] as const),
    ),
  );
  const columns: Column<TaskRow>[] = [
    taskColumn(said.task),
    {
      key: "host",
      head: said.host,
      label: said.host,
      cell: ({ id, host }) => {
        const at = pids.get(id);
        if (!at) return host ?? "–";
        return (
          <Link to="/hosts/$id" params={{ id: at.host.id }}>
            {at.host.name}
          </Link>
        );
      },
    },
    {
      key: "pid",
      head: said.pid,
      label: said.pid,
      isNumber: true,
      className: "mono",
      cell: ({ id }) => pids.get(id)?.pid ?? "–",
    },
    {
      key: "since",
      head: said.since,
      label: said.since,
      isNumber: true,
      className: "nowrap",
      cell: ({ startedAt }) => (startedAt === null ? "–" : <Lasting since={startedAt} />),
    },
    {
      key: "tries",
      head: said.tries,
      isNumber: true,
      isMinor: true,
      cell: ({ attemptsMade }) => count(attemptsMade + 1),
    },
    { key: "tags", head: said.tags, isMinor: true, cell: ({ tags }) => <Tags tags={tags} pool={name} /> },
  ];
  return (
    <section className="card">
      <header>
        <h2>{said.runningNow}</h2>
        <Link className="push" to="/tasks" search={{ pool: name, state: "active" }}>
          {said.allOfThem}
        </Link>
      </header>
      <Reading of={tasks} rows={3}>
        {({ tasks }) =>
          tasks.length === 0 ? (
            <p className="body soft">{said.runningNone}</p>
          ) : (
            <Table caption={said.runningNow} columns={columns} rows={tasks} rowKey={({ id }) => id} />
          )
        }
      </Reading>
    </section>
  );
}

function Next({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const { name } = pool;
  const next = useQuery(
    reading<{ tasks: TaskRow[] }>(`${pathOf("pools", name)}/next`, {
      query: { limit: ROWS },
      topics: [`pools/${name}`],
    }),
  );
  const columns: Column<TaskRow>[] = [
    taskColumn(said.task),
    {
      key: "state",
      head: said.why,
      label: said.why,
      cell: ({ state }) => (isStateName(state) ? <State name={state} /> : state),
    },
    {
      key: "waits",
      head: said.waits,
      label: said.waits,
      isNumber: true,
      className: "nowrap",
      cell: ({ createdAt }) => <Lasting since={createdAt} />,
    },
    { key: "tries", head: said.tries, isNumber: true, isMinor: true, cell: ({ attemptsMade }) => count(attemptsMade) },
    { key: "tags", head: said.tags, isMinor: true, cell: ({ tags }) => <Tags tags={tags} pool={name} /> },
  ];
  return (
    <section className="card">
      <header>
        <h2>{said.next}</h2>
        <small>{said.nextHint}</small>
        <Link className="push" to="/tasks" search={{ pool: name, state: "waiting" }}>
          {said.allOfThem}
        </Link>
      </header>
      <Reading of={next} rows={3}>
        {({ tasks }) =>
          tasks.length === 0 ? (
            <p className="body soft">{pool.parked + pool.limited > 0 ? said.nextHeldBack : said.nextNone}</p>
          ) : (
            <Table caption={said.next} columns={columns} rows={tasks} rowKey={({ id }) => id} />
          )
        }
      </Reading>
      {pool.parked + pool.limited > 0 && (
        <footer>
          <Link to="/tasks" search={{ pool: name, state: "blocked" }}>
            {[
              ...(pool.parked > 0 ? [said.parkedToo(count(pool.parked))] : []),
              ...(pool.limited > 0 ? [said.limitedToo(count(pool.limited))] : []),
            ].join(", ")}
          </Link>
        </footer>
      )}
    </section>
  );
}

function taskColumn(head: string): Column<TaskRow> {
  return {
    key: "task",
    head,
    className: "name",
    cell: ({ id, name, pool }) => (
      <>
        <Link to="/tasks/$id" params={{ id }} search={{ pool }}>
          {name}
        </Link>{" "}
        <span className="soft mono id">{id}</span>
      </>
    ),
  };
}

function Tags({ tags, pool }: { tags: readonly string[]; pool: string }) {
  return (
    <span className="row tags">
      {tags.slice(0, 3).map((tag) => (
        <Link key={tag} className="tag" to="/tasks" search={{ pool, tag }}>
          {tag}
        </Link>
      ))}
      {tags.length > 3 && <span className="soft">+{tags.length - 3}</span>}
    </span>
  );
}

function Limits({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  return (
    <section className="card">
      <header>
        <h2>{said.limits}</h2>
        <span className="push">
          <LimitPool pool={pool} />
        </span>
      </header>
      <div className="body">
        <dl className="facts">
          <dt>{said.size}</dt>
          <dd>{pool.size === null ? said.noSize : said.sizeFact(count(pool.size))}</dd>
          <dt>{said.children}</dt>
          <dd>
            {pool.isolation === null ? said.asHost : said.isolationFact[pool.isolation]},{" "}
            {pool.maxTasksPerChild === null ? said.noRecycle : said.recycle(count(pool.maxTasksPerChild))}
          </dd>
          <dt>{said.fence}</dt>
          <dd>{said.fences[pool.fence]}</dd>
          <dt>{said.kept}</dt>
          <dd>{said.keptFact(count(pool.completed), count(pool.failed))}</dd>
          <dt>{said.createdAt}</dt>
          <dd>
            <Moment at={pool.createdAt} />
          </dd>
        </dl>
      </div>
    </section>
  );
}

/** Keys of limits take turns: who waits, who runs, and when a rate allows the next. */
function Turns({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const { data } = useQuery({
    ...reading<PoolLimitsView>(`${pathOf("pools", pool.name)}/limits`, {
      query: { limit: ROWS },
      topics: [`pools/${pool.name}`],
    }),
    ...every(HEARTBEAT),
  });
  if (!data || (data.rules.length === 0 && data.waiting === 0)) return null;
  type Place = PoolLimitsView["places"][number];
  const columns: Column<Place>[] = [
    {
      key: "key",
      head: said.turnKey,
      label: said.turnKey,
      cell: ({ task, key }) => visible([task, key].filter(Boolean).join(" ")) || said.noKey,
    },
    { key: "waiting", head: said.heldBack, isNumber: true, cell: ({ waiting }) => count(waiting) },
    { key: "running", head: said.turnRuns, isNumber: true, cell: ({ running }) => count(running) },
    {
      key: "next",
      head: said.turnNext,
      cell: ({ nextAt, isFull }) => (nextAt !== null ? <Moment at={nextAt} /> : isFull ? said.turnFull : said.turnOpen),
    },
  ];
  return (
    <section className="card">
      <header>
        <h2>{said.turns}</h2>
      </header>
      <div className="body">
        <dl className="facts">
          {data.rules.map(({ task, text }) => (
            <Fragment key={task ?? ""}>
              <dt>{task ?? said.limitOfPool}</dt>
              <dd>{text}</dd>
            </Fragment>
          ))}
          <dt>{said.heldBack}</dt>
          <dd>{count(data.waiting)}</dd>
        </dl>
      </div>
      {data.places.length > 0 && (
        <Table
          rows={data.places}
          columns={columns}
          caption={said.turns}
          rowKey={({ task, key }) => `${task ?? ""}|${key}`}
        />
      )}
      {data.keys > data.places.length && (
        <p className="body soft">{said.moreKeys(count(data.keys - data.places.length))}</p>
      )}
    </section>
  );
}

function ServedBy({ pool, hosts }: { pool: PoolView; hosts: readonly HostView[] }) {
  const { pools: said } = useWords();
  return (
    <section className="card">
      <header>
        <h2>{said.servedBy}</h2>
      </header>
      {hosts.length === 0 ? (
        <p className="body soft">{said.servedNone}</p>
      ) : (
        <ul className="pick">
          {hosts.slice(0, ROWS).map((host) => {
            const running = host.running.filter((run) => run.pool === pool.name);
            const pids = host.children.filter((child) => child.pool === pool.name).map(({ pid }) => pid);
            return (
              <li key={host.id}>
                <Link to="/hosts/$id" params={{ id: host.id }}>
                  <span className="top">
                    <b>{host.name}</b>
                    <span className="push">
                      {isStateName(host.state) ? <State name={host.state} pill /> : host.state}
                    </span>
                  </span>
                  <span className="meta">
                    <span>{said.servedSlots(count(running.length), count(host.slots))}</span>
                    {pids.length > 0 && (
                      <span>
                        {said.servedChildren(pids.slice(0, 6).join(", "))}
                        {pids.length > 6 && " …"}
                      </span>
                    )}
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
