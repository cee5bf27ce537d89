import type { TaskView } from "../../../../src/api/types.ts";
import { Moment } from "../../components/time.tsx";
import { duration, exactTime, wholeDuration } from "../../format/times.ts";
import { useNow } from "../../live/clock.ts";
import { useWords, type Words } from "../../words/index.ts";

type Kind = "wait" | "run" | "fail" | "done" | "back" | "block";

interface Segment {
  kind: Kind;
  from: number;
  to: number;
  /** Said within it, or behind it where it is short. */
  text: string;
  title: string;
}

interface Lane {
  name: string;
  segments: Segment[];
}

/** The wait for the first try has no more of the width than this: it may be hours, and the tries seconds. */
const FIRST_WAIT = 0.12;

/** The tries of a task on one line of time: waiting, running, backing off. */
export function AttemptsCard({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const clock = useNow();
  const now = task.finishedAt ?? clock;
  const lanes = lanesOf(task, now, said);
  const [first] = task.tries;
  const begin = beginOf(task, now);
  const end = Math.max(now, begin + 1);
  const span = end - begin;
  const place = (at: number): number => (100 * Math.max(0, Math.min(1, (at - begin) / span))) as number;
  const kinds = new Set(lanes.flatMap(({ segments }) => segments.map(({ kind }) => kind)));
  return (
    <section className="card" aria-label={said.attemptsTitle}>
      <header>
        <h2>{said.attemptsTitle}</h2>
        <small>{said.attemptsOf(task.tries.length, task.attempts)}</small>
        <span className="push soft">
          <Moment at={first ? begin : task.createdAt} seconds /> {said.to}{" "}
          {task.finishedAt === null ? said.now : <Moment at={task.finishedAt} seconds />}
        </span>
      </header>
      <div className="body">
        <ol className="lanes">
          {lanes.map(({ name, segments }) => (
            <li key={name}>
              <b>{name}</b>
              <div className="lane">
                {segments.map((segment) => {
                  const x = place(segment.from);
                  const w = place(segment.to) - x;
                  const isShort = w < 40;
                  return <LaneSegment key={`${segment.kind} ${segment.from}`} {...{ segment, x, w, isShort }} />;
                })}
              </div>
            </li>
          ))}
        </ol>
        <p className="legend">
          {[...kinds].map((kind) => (
            <span key={kind}>
              <i className={kind} />
              {said.kinds[kind]}
            </span>
          ))}
        </p>
      </div>
    </section>
  );
}

function LaneSegment({ segment, x, w, isShort }: { segment: Segment; x: number; w: number; isShort: boolean }) {
  const { kind, text, title } = segment;
  // What does not fit stands behind it, or before it at the right end.
  const isRight = x + w > 60;
  const beside = isRight
    ? { right: `${100 - x}%`, left: "auto", width: "auto", maxWidth: `${x}%` }
    : { left: `${x + w}%`, width: "auto", maxWidth: `${100 - x - w}%` };
  return (
    <>
      <i className={kind} title={title} style={{ left: `${x}%`, width: `max(3px, ${w}%)` }}>
        {!isShort && text}
      </i>
      {isShort && text !== "" && (
        <i className="beside" title={title} style={beside}>
          {text}
        </i>
      )}
    </>
  );
}

function beginOf({ tries, createdAt }: TaskView, now: number): number {
  const [first] = tries;
  if (!first) return createdAt;
  const wait = Math.max(0, first.startedAt - createdAt);
  return first.startedAt - Math.min(wait, (FIRST_WAIT / (1 - FIRST_WAIT)) * Math.max(1, now - first.startedAt));
}

function lanesOf(task: TaskView, now: number, said: Words["task"]): Lane[] {
  const { tries, createdAt, state, dueAt, finishedAt } = task;
  let before = createdAt;
  const lanes = tries.map((one, index): Lane => {
    const waited = Math.max(0, one.startedAt - before);
    const isFirst = index === 0;
    const segments: Segment[] = [];
    if (waited > 0) {
      const text = isFirst ? said.waited(duration(waited)) : said.backedOff(duration(waited));
      segments.push({
        ...{ kind: isFirst ? "wait" : "back", from: before, to: one.startedAt, text: "" },
        title: `${text}, ${exactTime(before)}`,
      });
    }
    const end = one.endedAt ?? now;
    const took = end - one.startedAt;
    const where = [one.host, one.pid === null ? null : `pid ${one.pid}`].filter((part) => part !== null).join(" ");
    const kind: Kind = one.outcome === "running" ? "run" : one.outcome === "completed" ? "done" : "fail";
    const text =
      one.outcome === "running"
        ? said.runsFor(wholeDuration(took), where)
        : one.outcome === "completed"
          ? `✓ ${said.took(duration(took), where)}`
          : `✕ ${one.error?.name ?? ""} ${said.after(duration(took), where)}`;
    segments.push({ kind, from: one.startedAt, to: end, text, title: `${text}, ${exactTime(one.startedAt)}` });
    before = end;
    return { name: said.tryName(index + 1), segments };
  });
  if (finishedAt !== null || state === "active") return lanes;
  const waits = wholeDuration(now - before);
  const isBacking = state === "delayed" && tries.length > 0;
  const kind: Kind = isBacking ? "back" : state === "blocked" ? "block" : "wait";
  const text = isBacking
    ? said.backingOff(wholeDuration(Math.max(0, (dueAt ?? now) - now)))
    : state === "blocked"
      ? said.blockedFor(waits)
      : said.waitsFor(waits);
  lanes.push({
    name: said.tryName(tries.length + 1),
    segments: [{ kind, from: before, to: now, text, title: `${text}, ${exactTime(before)}` }],
  });
  return lanes;
}
