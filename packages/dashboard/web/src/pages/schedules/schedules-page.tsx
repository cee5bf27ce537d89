import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ScheduleRun, ScheduleView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { queryClient, reading } from "../../api/queries.ts";
import { Action, type Done } from "../../components/action.tsx";
import { Command, Empty, PageHead, Reading } from "../../components/page.tsx";
import { Glyph, type GlyphName, State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { duration, exactTime } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords, type Words } from "../../words/index.ts";
import { SCHEDULE_PAGE } from "./schedule-search.ts";

/** Due times that a row shows. */
const SHOWN_RUNS = 8;

export function SchedulesPage() {
  const { schedules: said } = useWords();
  const { from = 0, schedule } = useSearch({ from: "/schedules" });
  const schedules = useQuery({
    ...reading<SchedulePart>("/schedules", {
      topics: ["schedules"],
      query: { limit: SCHEDULE_PAGE, offset: from },
    }),
    ...every(5_000),
  });
  return (
    <>
      <PageHead
        title={said.title}
        tab={said.title}
        lead={schedules.data ? leadOf(schedules.data, from, said) : "\u00a0"}
      />
      <Reading of={schedules}>
        {({ schedules, total }) =>
          total > 0 ? (
            <>
              <ScheduleTable key={from} schedules={schedules} at={schedule} />
              <Pager from={from} total={total} />
            </>
          ) : (
            <Empty title={said.empty}>
              <p>{said.how}</p>
              <Command text="manyhands schedule add nightly report --cron '0 3 * * *' --time-zone Europe/Berlin" />
            </Empty>
          )
        }
      </Reading>
    </>
  );
}

interface SchedulePart {
  schedules: ScheduleView[];
  total: number;
}

/** How many there are by their state, where all are shown; else which part of them is. */
function leadOf({ schedules, total }: SchedulePart, from: number, said: Words["schedules"]): string {
  if (schedules.length < total) return said.part(count(from + 1), count(from + schedules.length), count(total));
  const counted = (state: ScheduleView["state"]): string =>
    count(schedules.filter((one) => one.state === state).length);
  return said.lead(counted("active"), counted("paused"));
}

/** The way to the other schedules, of more than a page shows. */
function Pager({ from, total }: { from: number; total: number }) {
  const { schedules: said } = useWords();
  if (from === 0 && total <= SCHEDULE_PAGE) return null;
  // Also from behind the last one: some were removed since.
  const before = Math.min(from, Math.ceil(total / SCHEDULE_PAGE) * SCHEDULE_PAGE) - SCHEDULE_PAGE;
  const after = from + SCHEDULE_PAGE;
  return (
    <nav className="row" aria-label={said.pages}>
      {from > 0 && (
        <Link className="btn" to="/schedules" search={before > 0 ? { from: before } : {}}>
          {said.before}
        </Link>
      )}
      {after < total && (
        <Link className="btn" to="/schedules" search={{ from: after }}>
          {said.after}
        </Link>
      )}
    </nav>
  );
}

function ScheduleTable({ schedules, at }: { schedules: readonly ScheduleView[]; at: string | undefined }) {
  const { schedules: said } = useWords();
  const navigate = useNavigate();
  // Its last run answers whether all is well; without one the tasks of its name do.
  const open = ({ task, pool, lastRuns }: ScheduleView): void => {
    const last = lastRuns.find((run) => run.id !== null);
    if (!last?.id) void navigate({ to: "/tasks", search: { task } });
    else void navigate({ to: "/tasks/$id", params: { id: last.id }, search: { pool: last.pool ?? pool } });
  };
  const columns: Column<ScheduleView>[] = [
    {
      key: "name",
      head: said.schedule,
      cell: ({ name, state }) => (
        <span className="row">
          <b>{name}</b>
          {state !== "active" && (
            <State pill name={state === "paused" ? "paused" : "ended"}>
              {said.state[state]}
            </State>
          )}
        </span>
      ),
    },
    {
      key: "task",
      head: said.task,
      label: said.task,
      isFull: true,
      cell: ({ task, pool }) => (
        <>
          <Link to="/tasks" search={{ task }}>
            {task}
          </Link>{" "}
          <Link className="soft" to="/pools/$name" params={{ name: pool }}>
            {pool}
          </Link>
        </>
      ),
    },
    {
      key: "when",
      head: said.when,
      label: said.when,
      cell: ({ cron, every: interval, timeZone }) =>
        cron === null ? (
          said.every(duration(interval ?? 0))
        ) : (
          <>
            <code>{cron}</code> <small>{timeZone}</small>
          </>
        ),
    },
    {
      key: "next",
      head: said.next,
      label: said.next,
      isNumber: true,
      cell: ({ next }) =>
        next === null ? (
          <span className="faint">{said.none}</span>
        ) : (
          <span className="row at-end">
            {Date.now() - next > LATE && (
              <State pill name="failed">
                {said.late}
              </State>
            )}
            <Ago at={next} />
          </span>
        ),
    },
    {
      key: "drift",
      head: said.drift,
      label: said.drift,
      isNumber: true,
      isMinor: true,
      cell: (schedule) => {
        const drift = driftOf(schedule);
        return drift === null ? <span className="faint">{said.none}</span> : duration(drift);
      },
    },
    { key: "last", head: said.last, label: said.last, isFull: true, cell: (schedule) => <Runs schedule={schedule} /> },
    { key: "runs", head: said.runs, label: said.runs, isNumber: true, isMinor: true, cell: ({ runs }) => count(runs) },
    {
      key: "actions",
      head: <span className="hidden">{said.actions}</span>,
      isFull: true,
      className: "c-actions",
      cell: (schedule) => <Actions schedule={schedule} />,
    },
  ];
  return (
    <div className="card">
      <Table
        caption={said.title}
        columns={columns}
        rows={schedules}
        rowKey={({ name }) => name}
        onOpen={open}
        at={at}
      />
    </div>
  );
}

/** What became of a due time: its shape, its colour and its word. */
type Ending = ScheduleRun["outcome"] | NonNullable<ScheduleRun["state"]>;

const LOOKS: Readonly<Record<Ending, readonly [glyph: GlyphName, name: string]>> = {
  // Not known how it ended.
  started: ["dot", "unknown"],
  manual: ["dot", "unknown"],
  unknown: ["unknown", "unknown"],
  skipped: ["dash", "skipped"],
  queued: ["waiting", "active"],
  missed: ["gone", "failed"],
  waiting: ["waiting", "active"],
  prioritized: ["waiting", "active"],
  delayed: ["delayed", "active"],
  "waiting-children": ["waiting", "active"],
  active: ["active", "active"],
  blocked: ["blocked", "blocked"],
  completed: ["tick", ""],
  failed: ["cross", "failed"],
  cancelled: ["cancelled", "skipped"],
};

function endingOf({ outcome, state }: ScheduleRun): Ending {
  return state ?? outcome;
}

/** A run that has not been started for so long is late, ms: as in the findings of the overview. */
const LATE = 30_000;

/** How late its last runs were started: the median, ms. */
function driftOf({ lastRuns }: ScheduleView): number | null {
  const drifts = lastRuns.filter(({ outcome }) => outcome === "started").map(({ due, at }) => at - due);
  return drifts.sort((left, right) => left - right)[Math.floor(drifts.length / 2)] ?? null;
}

/** The last due times, the newest last, each with how it ended; of one that was submitted the shape leads to its task. */
function Runs({ schedule: { name, pool, lastRuns } }: { schedule: ScheduleView }) {
  const { schedules: said, states } = useWords();
  const runs = lastRuns.slice(0, SHOWN_RUNS).reverse();
  if (runs.length === 0) return <span className="faint">{said.none}</span>;
  const wordOf = ({ outcome, state }: ScheduleRun): string => {
    if (state === null) return said.outcome[outcome];
    return outcome === "manual" ? `${said.outcome.manual}, ${states[state]}` : states[state];
  };
  return (
    <ul className="runs" aria-label={said.lastLabel(name, runs.map(wordOf).join(", "))}>
      {runs.map((run) => {
        const { due, at, outcome, id } = run;
        const [glyph, look] = LOOKS[endingOf(run)];
        const late = id === null || at - due < 1_000 ? "" : `, ${said.lateBy(duration(at - due))}`;
        const title = `${exactTime(due)}: ${wordOf(run)}${late}`;
        const shape = (
          <i className={look} title={title}>
            <Glyph name={glyph} />
          </i>
        );
        return (
          <li key={`${due} ${outcome}`}>
            {id === null ? (
              shape
            ) : (
              <Link to="/tasks/$id" params={{ id }} search={{ pool: run.pool ?? pool }} aria-label={title}>
                {shape}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Actions({ schedule }: { schedule: ScheduleView }) {
  const { schedules: said } = useWords();
  const mayNot = { change: useMay("changeSchedule"), remove: useMay("removeSchedule") };
  const { name, task, pool, state, runs } = schedule;
  const post = async (step: "pause" | "resume"): Promise<void> => {
    await call(pathOf("schedules", name, step), { method: "POST" });
    await again();
  };
  const pause = async (): Promise<Done> => {
    await post("pause");
    return { said: said.paused(name), undo: resume };
  };
  const resume = async (): Promise<Done> => {
    await post("resume");
    return { said: said.resumed(name), undo: pause };
  };
  return (
    <span className="row">
      {state !== "ended" && (
        <Action
          size="small"
          look="quiet"
          icon={state === "paused" ? "play" : "pause"}
          label={state === "paused" ? said.resume(name) : said.pause(name)}
          disabled={mayNot.change}
          run={state === "paused" ? resume : pause}
        />
      )}
      <Action
        size="small"
        look="quiet"
        icon="retry"
        label={said.run(name)}
        disabled={mayNot.change}
        question={{
          title: said.runQuestion(name),
          facts: said.runFacts(task, pool),
          keep: said.runKeep,
          go: said.runGo,
        }}
        run={async () => {
          const { id } = await call<{ id: string }>(pathOf("schedules", name, "run"), { method: "POST" });
          await again();
          return { said: said.started(id) };
        }}
      />
      <Action
        size="small"
        look="quiet"
        icon="remove"
        label={said.remove(name)}
        disabled={mayNot.remove}
        question={{
          title: said.removeQuestion(name),
          facts: said.removeFacts(count(runs)),
          keep: said.removeKeep,
          go: said.removeGo,
          dangerous: true,
        }}
        run={async () => {
          await call(pathOf("schedules", name), { method: "DELETE" });
          await again();
          return { said: said.removed(name) };
        }}
      />
    </span>
  );
}

/** The list as it is now. */
async function again(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ["/schedules"] });
}
