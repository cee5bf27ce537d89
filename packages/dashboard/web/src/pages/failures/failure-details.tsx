import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { FailureDetail } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Chart, type ChartMark } from "../../components/chart.tsx";
import { Icon } from "../../components/icon.tsx";
import { Meter } from "../../components/meter.tsx";
import { CopyButton, Reading } from "../../components/page.tsx";
import { StackFrames } from "../../components/stack-frames.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago, Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { duration, shortTime } from "../../format/times.ts";
import { soonAgain, useAway } from "../../live/away.ts";
import { useNow } from "../../live/clock.ts";
import type { FailureRange } from "../../router-search.ts";
import { useWords } from "../../words/index.ts";
import { GroupActions } from "./group-actions.tsx";

const LOOK_AGAIN = 15_000;
/** A group whose last error is so young still fails, ms. */
const STILL = 300_000;

/** One group of errors: since when, where, and what can be done to all of it. */
export function FailureDetails({ id, range }: { id: string; range: FailureRange }) {
  const detail = useQuery({
    ...reading<FailureDetail>(`/failures/${encodeURIComponent(id)}`, {
      topics: ["failures", "pools"],
      query: { range },
    }),
    placeholderData: (before: FailureDetail | undefined) => before,
    refetchInterval: ({ state }) => soonAgain(state, LOOK_AGAIN),
  });
  const away = useAway(detail);
  return (
    <Reading of={detail} rows={10}>
      {(group) => (
        <>
          <Summary group={group} isAway={away !== null} />
          <div className="grid-fit">
            <Trend group={group} />
            <Where group={group} />
          </div>
          <ErrorCard group={group} />
          <Examples group={group} />
        </>
      )}
    </Reading>
  );
}

function Summary({ group, isAway }: { group: FailureDetail; isAway: boolean }) {
  const { failures: said } = useWords();
  const now = useNow();
  const { task, pools, error, first, last, ended, dead, before } = group;
  const isFailing = now - last < STILL;
  return (
    <div className="card">
      <div className="body stack">
        <div className="head">
          <div>
            <h2 className="name">
              {task || said.otherErrors} <span className="soft">{said.inPools(pools)}</span>
            </h2>
          </div>
          {isFailing ? (
            <State name="failed" pill>
              {said.stillFailing}
            </State>
          ) : (
            <State name="completed" pill>
              {said.quiet}
            </State>
          )}
        </div>
        <div className="fault">
          <p className="message">
            <b>{error.name}</b>: {error.message}
          </p>
        </div>
        <dl className="facts wide">
          <div>
            <dt>{said.failed}</dt>
            <dd>
              <b>{count(group.count)}</b> {ended === null ? "" : said.ofCalls(count(Math.max(ended, group.count)))}
            </dd>
          </div>
          <div>
            <dt>{said.first}</dt>
            <dd>
              <b>
                <Moment at={first} />
              </b>
              , <Ago at={first} />
            </dd>
          </div>
          <div>
            <dt>{said.last}</dt>
            <dd>
              <b>
                <Ago at={last} />
              </b>
            </dd>
          </div>
          <div>
            <dt>{said.dead}</dt>
            <dd>
              <b>{count(dead)}</b> {said.kept}
            </dd>
          </div>
        </dl>
        {before.length > 0 && (
          <div className="note info">
            <Icon name="clock" />
            <div>
              <b>{said.before}</b>{" "}
              {before.map(({ name, at }) => said.started(name, shortTime(at), duration(first - at))).join(" ")}
            </div>
          </div>
        )}
        <GroupActions group={group} isAway={isAway} isFailing={isFailing} />
      </div>
    </div>
  );
}

function Trend({ group }: { group: FailureDetail }) {
  const { failures: said } = useWords();
  const { from, to, step, steps, first, task } = group;
  const begin = Math.floor(from / step) * step;
  const counts = new Map(steps.map((one) => [one.at, one.count]));
  const times = Array.from({ length: Math.floor((to - begin) / step) + 1 }, (_, index) => begin + index * step);
  const values = times.map((at) => counts.get(at) ?? 0);
  const marks: ChartMark[] = first >= from ? [{ at: first, text: `${shortTime(first)} ${said.firstMark}` }] : [];
  return (
    <Chart
      title={said.every(duration(step))}
      label={said.trendLabel(task, count(group.count))}
      times={times}
      span={{ from: begin, to: begin + times.length * step }}
      series={[{ name: said.now, color: 3, form: "bars", values }]}
      marks={marks}
    />
  );
}

function Where({ group }: { group: FailureDetail }) {
  const { failures: said } = useWords();
  const { hostCounts, tries, versions, sampled } = group;
  const versionText = versions.map(({ host, version }) => `${host} ${version}`).join(", ");
  const triesText = tries.map((many, index) => said.nthTry(index + 1, count(many))).filter((_, index) => tries[index]);
  return (
    <div className="card">
      <header>
        <h3>{said.where}</h3>
        <small>{said.ofNewest(count(sampled))}</small>
      </header>
      <div className="body stack">
        <div className="split">
          {hostCounts.slice(0, 8).map(({ name, count: many }) => (
            <HostShare key={name} name={name} many={many} of={sampled} />
          ))}
        </div>
        <dl className="facts">
          {versions.length > 0 && (
            <>
              <dt>{said.version}</dt>
              <dd>{versionText}</dd>
            </>
          )}
          {triesText.length > 0 && (
            <>
              <dt>{said.tries}</dt>
              <dd>{triesText.join(", ")}</dd>
            </>
          )}
        </dl>
      </div>
    </div>
  );
}

function HostShare({ name, many, of }: { name: string; many: number; of: number }) {
  const { failures: said } = useWords();
  return (
    <>
      <b>{name}</b>
      <Meter used={many} of={of} label={said.onHost(name, count(many))} look="bad" />
      <span className="num">{count(many)}</span>
    </>
  );
}

function ErrorCard({ group }: { group: FailureDetail }) {
  const { failures: said } = useWords();
  const { newest: error } = group;
  if (!error?.stack) return null;
  return (
    <div className="card">
      <header>
        <h3>{said.error}</h3>
        <small>{said.newest}</small>
        <span className="push">
          <CopyButton text={error.stack} />
        </span>
      </header>
      <div className="body stack">
        <StackFrames stack={error.stack} />
        {error.cause && (
          <p>
            {said.causedBy}{" "}
            <code>
              {error.cause.name}: {error.cause.message}
            </code>
          </p>
        )}
      </div>
    </div>
  );
}

type Example = FailureDetail["examples"][number];

function Examples({ group }: { group: FailureDetail }) {
  const { failures: said } = useWords();
  const { examples, dead, selection } = group;
  if (examples.length === 0) return <p className="soft">{said.noneKept}</p>;
  const columns: Column<Example>[] = [
    {
      key: "id",
      head: said.task,
      cell: ({ id, pool, state }) => (
        <>
          <Link className="mono nowrap" to="/tasks/$id" params={{ id }} search={{ pool }}>
            {id}
          </Link>
          <small>{isStateName(state) && <State name={state} />}</small>
        </>
      ),
    },
    {
      ...{ key: "args", head: said.args, isFull: true },
      cell: ({ args }) => <code>{previewOf(args)}</code>,
    },
    {
      ...{ key: "try", head: said.try, label: said.try, className: "nowrap" },
      cell: ({ attemptsMade, attempts }) => said.tryOf(count(attemptsMade), count(attempts)),
    },
    { key: "host", head: said.host, label: said.host, cell: ({ host }) => host ?? "–" },
    {
      ...{ key: "failed", head: said.failedAt, label: said.failedAt, isNumber: true },
      cell: ({ finishedAt }) => finishedAt !== null && <Ago at={finishedAt} />,
    },
  ];
  return (
    <div className="card">
      <header>
        <h3>{said.examples}</h3>
        <Link className="push" to="/tasks" search={selection}>
          {said.asTasks(count(dead))}
        </Link>
      </header>
      <Table caption={said.examples} columns={columns} rows={examples} rowKey={({ id, pool }) => `${pool} ${id}`} />
    </div>
  );
}

/** Arguments in one line; a list of one value as the value. */
function previewOf(args: unknown): string {
  const value = Array.isArray(args) && args.length === 1 ? args[0] : args;
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
