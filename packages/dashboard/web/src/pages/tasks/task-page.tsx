import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useRef } from "react";
import type { TaskView, ValueView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { reading } from "../../api/queries.ts";
import { CopyButton, Empty, PageHead, Skeleton, Trouble } from "../../components/page.tsx";
import { Glyph, isStateName, State } from "../../components/state.tsx";
import { Ago, Duration, Lasting } from "../../components/time.tsx";
import { useKeys } from "../../components/use-keys.ts";
import { type ReadMore, ValueTree } from "../../components/value-tree.tsx";
import { count } from "../../format/numbers.ts";
import { live } from "../../live/live.ts";
import { useStore } from "../../store.ts";
import { useWords } from "../../words/index.ts";
import { AttemptsCard } from "./attempts-card.tsx";
import { ErrorCard } from "./error-card.tsx";
import { FactsCard } from "./facts-card.tsx";
import { LogCard } from "./log-card.tsx";
import { TaskActions } from "./task-actions.tsx";
import { WhyCard } from "./why-card.tsx";

/** Progress comes without an event: a task that runs is read again so often, ms. */
const LOOK = 1_000;

export function TaskPage() {
  const { id } = useParams({ from: "/tasks/$id" });
  const { pool } = useSearch({ from: "/tasks/$id" });
  return <TaskOf key={`${pool} ${id}`} id={id} pool={pool} />;
}

function TaskOf({ id, pool }: { id: string; pool: string | undefined }) {
  const { task: said } = useWords();
  const isPaused = useStore(live).state === "paused";
  const found = useQuery({
    ...taskOf(id, pool),
    refetchInterval: ({ state }) => (state.data?.state === "active" && !isPaused ? LOOK : false),
    // A task that was removed while it is looked at stays on the screen, and says so.
    retry: false,
  });
  const task = found.data;
  // While it is asked for again, what was wrong stays on the screen.
  const failure = useRef<Error | null>(null);
  if (found.error) failure.current = found.error;
  if (!task) {
    if (!failure.current) {
      return (
        <>
          <PageHead title={said.loadingTitle} tab={id} crumbs={<Crumbs />} />
          <Skeleton rows={10} />
        </>
      );
    }
    return <NoTask id={id} pool={pool} error={failure.current} again={() => void found.refetch()} />;
  }
  const isGone = found.error instanceof ApiProblem && found.error.status === 404;
  return <OneTask task={task} isGone={isGone} />;
}

function Crumbs({ task }: { task?: TaskView }) {
  const { tasks: list } = useWords();
  return (
    <>
      <Link to="/tasks">{list.title}</Link>
      {task && (
        <>
          {" › "}
          <Link to="/tasks" search={{ pool: task.pool }}>
            <bdi>{task.pool}</bdi>
          </Link>
          {" › "}
          <Link to="/tasks" search={{ pool: task.pool, task: task.name }}>
            <bdi>{task.name}</bdi>
          </Link>
        </>
      )}
    </>
  );
}

function OneTask({ task, isGone }: { task: TaskView; isGone: boolean }) {
  const { task: said, states } = useWords();
  const { id, typed = [] } = task;
  const args = typed.find(({ part }) => part === "args")?.node;
  const result = typed.find(({ part }) => part === "result")?.node;
  const progress = typed.find(({ part }) => part === "progress")?.node;
  const press = (name: string) => () =>
    document.querySelector<HTMLButtonElement>(`.head .actions [data-key="${name}"] .btn`)?.click();
  useKeys([
    ["r", press("retry")],
    ["c", press("cancel")],
  ]);
  return (
    <>
      <PageHead
        title={
          <>
            <bdi>{task.name}</bdi> <StatePill task={task} />
          </>
        }
        tab={said.tab(task.name, states[task.state])}
        crumbs={<Crumbs task={task} />}
        lead={
          <span className="mono id-line">
            <bdi>{id}</bdi> <CopyButton text={id} />
          </span>
        }
        actions={isGone ? undefined : <TaskActions task={task} />}
      />
      {isGone && (
        <div className="note warn" role="status">
          <Glyph name="gone" />
          <div>
            <b>{said.gone}</b> {said.goneHint}
          </div>
        </div>
      )}
      {task.cancelRequested !== null && task.finishedAt === null && (
        <div className="note warn" role="status">
          <Glyph name="cancelled" />
          <div>
            <b>{said.cancelUnderWay}</b> <bdi>{task.cancelRequested}</bdi>
          </div>
        </div>
      )}
      {!isGone && <WhyCard task={task} />}
      <div className="grid2">
        <div className="stack gap">
          <AttemptsCard task={task} />
          <ErrorCard task={task} />
          {task.units > 1 && <CallsCard task={task} />}
          <LogCard task={task} />
        </div>
        <div className="stack gap">
          <ValueCard title={said.args} node={args} part="args" task={task} />
          {task.hasResult && <ValueCard title={said.result} node={result} part="result" task={task} />}
          {progress !== undefined && !["number", "null", "undefined"].includes(progress.type) && (
            <ValueCard title={said.progress} node={progress} part="progress" task={task} />
          )}
          <Children task={task} />
          <FactsCard task={task} />
        </div>
      </div>
    </>
  );
}

function StatePill({ task }: { task: TaskView }) {
  const { task: said, states } = useWords();
  const { state, tries, startedAt, finishedAt, createdAt, dueAt } = task;
  const name = state === "delayed" && tries.length > 0 ? "backoff" : state;
  const known = isStateName(name) ? name : "unknown";
  const since = tries.at(-1)?.endedAt ?? createdAt;
  return (
    <State name={known} pill>
      {states[known]}
      {state === "active" && startedAt !== null && (
        <>
          {" "}
          {said.for} <Lasting since={startedAt} />
        </>
      )}
      {state === "delayed" && dueAt !== null && (
        <>
          , {said.due} <Ago at={dueAt} />
        </>
      )}
      {["waiting", "prioritized", "blocked"].includes(state) && (
        <>
          {" "}
          {said.for} <Lasting since={since} />
        </>
      )}
      {finishedAt !== null && state !== "delayed" && (
        <>
          {" "}
          <Ago at={finishedAt} />
        </>
      )}
    </State>
  );
}

function ValueCard(props: {
  title: string;
  node: ValueView | undefined;
  part: "args" | "result" | "progress";
  task: TaskView;
}) {
  const { title, node, part, task } = props;
  const { task: said } = useWords();
  if (node === undefined) return null;
  const isEmpty = node.type === "Array" && node.size === 0;
  const more: ReadMore = async (path, from) => {
    const query = { pool: task.pool, part, from, ...(path.length > 0 && { path: path.join(".") }) };
    return (await call<{ node: ValueView }>(pathOf("tasks", task.id, "value"), { query })).node;
  };
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="push">
          {!isEmpty && (
            <CopyLater
              read={async () => {
                const query = { pool: task.pool, full: true };
                const whole = await call<TaskView>(pathOf("tasks", task.id), { query });
                return JSON.stringify(whole[part], null, 2) ?? "";
              }}
            />
          )}
        </span>
      </header>
      <div className="body">
        {isEmpty ? <p className="soft">{said.noArgs}</p> : <ValueTree node={node} more={more} />}
      </div>
    </section>
  );
}

/** Copies what has to be read first. */
function CopyLater({ read }: { read: () => Promise<string> }) {
  const { task: said } = useWords();
  return (
    <button
      type="button"
      className="btn icon quiet small"
      aria-label={said.copyJson}
      title={said.copyJson}
      onClick={() => void read().then((text) => navigator.clipboard?.writeText(text))}
    >
      <CopyIcon />
    </button>
  );
}

function CopyIcon() {
  return (
    <svg className="i" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <rect x="5.4" y="5.4" width="8.2" height="8.2" rx="1.4" />
      <path d="M10.6 5.4V2.4H2.4v8.2h3" />
    </svg>
  );
}

/** Outcomes of a job that several calls share. */
function CallsCard({ task }: { task: TaskView }) {
  const { task: said, states } = useWords();
  const { outcomes, units } = task;
  const failed = outcomes.filter(({ ok }) => !ok);
  // Failed ones first: they are what is looked for.
  const shown = [...failed, ...outcomes.filter(({ ok }) => ok)].slice(0, 100);
  const job = task.id.replace(/\.\d+$/, "");
  return (
    <section className="card" aria-label={said.calls}>
      <header>
        <h2>{said.calls}</h2>
        <small>{said.callsOf(count(outcomes.length), count(units), count(failed.length))}</small>
      </header>
      {shown.length > 0 && (
        <table className="t">
          <tbody>
            {shown.map(({ unit, ok, error, runTime }) => (
              <tr key={unit}>
                <th scope="row">
                  <Link to="/tasks/$id" params={{ id: `${job}.${unit}` }} search={{ pool: task.pool }}>
                    {job}.{unit}
                  </Link>
                </th>
                <td>
                  <State name={ok ? "completed" : "failed"}>
                    {ok ? states.completed : (error?.name ?? states.failed)}
                  </State>
                </td>
                <td className="cut">
                  <bdi>{error?.message.slice(0, 200)}</bdi>
                </td>
                <td className="num">
                  <Duration ms={runTime} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface Child {
  /** null = it is a workflow. */
  pool: string | null;
  id: string;
  /** null = it is no longer kept. */
  state: TaskView["state"] | null;
}

/** Tasks and workflows that this one has submitted, and tasks of a flow of BullMQ that it waits for. */
function Children({ task }: { task: TaskView }) {
  const { task: said, states } = useWords();
  const related = useQuery(
    reading<{ children: Child[]; count: number }>(pathOf("tasks", task.id, "related"), {
      topics: [`pools/${task.pool}`],
      query: { pool: task.pool },
    }),
  );
  const children = related.data?.children ?? [];
  if (children.length === 0) return null;
  return (
    <section className="card" aria-label={said.children}>
      <header>
        <h2>{said.children}</h2>
        <small>{count(related.data?.count ?? children.length)}</small>
      </header>
      <ul className="body plain">
        {children.map(({ pool, id, state }) => (
          <li key={`${pool}/${id}`} className="row">
            <State name={state ?? "unknown"}>{states[state ?? "unknown"]}</State>
            {pool === null ? (
              <Link to="/workflows/$id" params={{ id }}>
                <bdi>{id}</bdi>
              </Link>
            ) : (
              <Link to="/tasks/$id" params={{ id }} search={{ pool }}>
                <bdi>{id}</bdi>
              </Link>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Tasks of an id that are shown with their names; of more only the pools are. */
const NAMED = 20;

/** There is no such task, or there are several of that id. */
function NoTask(props: { id: string; pool: string | undefined; error: Error; again: () => void }) {
  const { id, pool, error, again } = props;
  const { task: said, tasks: list } = useWords();
  const isMissing = error instanceof ApiProblem && error.status === 404;
  // Which pools have it is what the API says when no pool is given.
  const elsewhere = useQuery({ ...taskOf(id, undefined), enabled: isMissing && pool !== undefined, retry: false });
  const shared = [error, elsewhere.error].find((one) => one instanceof ApiProblem && one.pools.length > 0);
  const { pools, isOfWorkflow } =
    shared instanceof ApiProblem ? shared : { pools: elsewhere.data ? [elsewhere.data.pool] : [], isOfWorkflow: false };
  const title = isMissing
    ? said.elsewhere(pool ?? "")
    : pools.length === 1
      ? said.andWorkflow
      : said.several(count(pools.length));
  return (
    <>
      <PageHead title={<bdi className="mono">{id}</bdi>} tab={id} crumbs={<Crumbs />} />
      {pools.length > 0 ? (
        <Empty title={title}>
          <ul className="plain namesakes">
            {pools.map((name, index) => (
              <Namesake key={name} id={id} pool={name} isNamed={index < NAMED} />
            ))}
            {isOfWorkflow && (
              <li className="row">
                <Link to="/workflows/$id" params={{ id }}>
                  <bdi>{said.workflowOf(id)}</bdi>
                </Link>
              </li>
            )}
          </ul>
        </Empty>
      ) : isMissing ? (
        <Empty title={said.unknownId}>
          <p>{said.unknownIdHint}</p>
          <Link to="/tasks" search={{ text: id }}>
            {said.searchFor}
          </Link>{" "}
          <Link to="/tasks">{list.title}</Link>
        </Empty>
      ) : (
        <Trouble error={error} again={again} />
      )}
    </>
  );
}

/** One of the tasks that have the id. */
function Namesake({ id, pool, isNamed }: { id: string; pool: string; isNamed: boolean }) {
  const { task: said } = useWords();
  const { data: task } = useQuery({ ...taskOf(id, pool), enabled: isNamed, retry: false });
  return (
    <li className="row">
      <State name={task && isStateName(task.state) ? task.state : "unknown"} />
      <Link to="/tasks/$id" params={{ id }} search={{ pool }}>
        <bdi>{said.inPool(task?.name ?? id, pool)}</bdi>
      </Link>
      {task && (
        <span className="soft">
          <Ago at={task.createdAt} />
        </span>
      )}
    </li>
  );
}

function taskOf(id: string, pool: string | undefined) {
  return reading<TaskView>(pathOf("tasks", id), {
    topics: [pool === undefined ? "pools" : `pools/${pool}`, "hosts"],
    query: { pool, values: "typed" },
  });
}
