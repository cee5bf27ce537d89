import { Link } from "@tanstack/react-router";
import { type ReactNode, useRef, useState } from "react";
import type { Finding } from "../../../../src/api/types.ts";
import { Button } from "../../components/button.tsx";
import { Sentence } from "../../components/sentence.tsx";
import { Glyph } from "../../components/state.tsx";
import { Lasting, Moment } from "../../components/time.tsx";
import { bytes, count, percent } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { now } from "../../live/live.ts";
import { useWords, type Words } from "../../words/index.ts";
import { FindingActions, isChange } from "./finding-actions.tsx";

/** Findings that are shown at first; and of the others those that began, or were met, so lately, ms. */
const FIRST = 7;
const FRESH = 300_000;
const MOST_FRESH = 5;

const SAY = { count, bytes, percent, duration };

/** What needs somebody: a sentence with a cause, a time, a place and a button each. */
export function AttentionList(props: { findings: readonly Finding[]; more: number; isAway: boolean }) {
  const { more, isAway } = props;
  const { findings: said, overview } = useWords();
  const [isWhole, setWhole] = useState(false);
  const [handled, setHandled] = useState<ReadonlyMap<string, Handled>>(new Map());
  const isFresh = useFresh(props.findings);
  const fresh = props.findings.slice(FIRST).filter(isFresh).slice(0, MOST_FRESH);
  const current = isWhole ? props.findings : [...props.findings.slice(0, FIRST), ...fresh];
  const findings = withHandled(current, handled);
  const hidden = props.findings.length - current.length;
  const note = (finding: Finding, place: number, isShown: boolean): void => {
    const key = keyOf(finding);
    setHandled((before) => {
      if (before.has(key) === isShown) return before;
      const next = new Map(before);
      if (isShown) next.set(key, { finding, place });
      else next.delete(key);
      return next;
    });
  };
  const first = findings.findIndex(({ level, actions }) => level === "now" && isChange(actions[0]));
  return (
    <section className="card" aria-label={said.attention}>
      {findings.length === 0 ? (
        <p className="calm">{overview.calmCard}</p>
      ) : (
        <ul className="attention">
          {findings.map((finding, index) => {
            const isOver = !current.includes(finding);
            return (
              <li key={keyOf(finding)} className={isOver ? "over" : finding.level}>
                {!isOver && <What finding={finding} />}
                <div className="do">
                  <FindingActions
                    finding={finding}
                    isPrimary={index === first}
                    isAway={isAway}
                    onOutcome={(isShown) => note(finding, index, isShown)}
                  />
                </div>
              </li>
            );
          })}
        </ul>
      )}
      {hidden + more > 0 && (
        <footer>
          {hidden > 0 ? (
            <Button size="small" look="quiet" icon="down" onClick={() => setWhole(true)}>
              {said.more(hidden + more)}
            </Button>
          ) : (
            said.more(more)
          )}
        </footer>
      )}
    </section>
  );
}

/** A finding in words: how soon, what, why, and since when. */
function What({ finding }: { finding: Finding }) {
  const { findings: said } = useWords();
  return (
    <>
      <span className="level">
        <Glyph name={finding.level === "now" ? "failed" : "warn"} />
        {said.level[finding.level]}
      </span>
      <div className="body sentence">
        <p className="what">
          <Sentence text={textOf(said.what, finding)} parts={partsOf(finding, said)} />
        </p>
        <p className="why">
          <Sentence text={textOf(said.why, finding)} parts={partsOf(finding, said)} />
        </p>
      </div>
      <p className="when">{finding.since !== null && <When since={finding.since} />}</p>
    </>
  );
}

/** Whether a finding has just begun: what comes while an operator looks must not hide behind what is there for hours. */
function useFresh(findings: readonly Finding[]): (finding: Finding) => boolean {
  const met = useRef<Map<string, number> | null>(null);
  const at = now();
  const known = met.current ?? new Map(findings.map((finding) => [keyOf(finding), 0]));
  met.current = known;
  for (const finding of findings) if (!known.has(keyOf(finding))) known.set(keyOf(finding), at);
  return (finding) => at - Math.max(finding.since ?? 0, known.get(keyOf(finding)) ?? 0) < FRESH;
}

/** A finding with an outcome beside one of its buttons, and its place among the others. */
interface Handled {
  finding: Finding;
  place: number;
}

/** What was just done may end a finding: its outcome stays until it is closed, so that it can be read, and taken back. */
function withHandled(findings: readonly Finding[], handled: ReadonlyMap<string, Handled>): readonly Finding[] {
  const all = [...findings];
  const keys = new Set(findings.map(keyOf));
  for (const [key, { finding, place }] of handled) if (!keys.has(key)) all.splice(place, 0, finding);
  return all;
}

function When({ since }: { since: number }) {
  const { common } = useWords();
  return (
    <>
      <b>
        <Lasting since={since} />
      </b>
      {common.since} <Moment at={since} />
    </>
  );
}

function textOf(sentences: Words["findings"]["what"], finding: Finding): string {
  const sentence = sentences[finding.kind] as (finding: Finding, say: typeof SAY) => string;
  return sentence(finding, SAY);
}

/** Its kind and what it is about: it keeps its place, and its open question, while its numbers change. */
function keyOf(finding: Finding): string {
  const { kind } = finding;
  switch (finding.kind) {
    case "deadlock":
      return `${kind} ${finding.waits.map(({ waiter }) => waiter.session + (waiter.task?.id ?? "")).join(" ")}`;
    case "lock-held":
      return `${kind} ${finding.object.kind} ${finding.object.name}`;
    case "task-fails":
      return `${kind} ${finding.task}`;
    case "host-names":
      return `${kind} ${finding.name}`;
    default: {
      const { host, pool, task } = finding as { host?: { id: string }; pool?: string | null; task?: string | null };
      return [kind, host?.id, pool, task].filter(Boolean).join(" ");
    }
  }
}

/** What stands in the places of a sentence: links to what it is about. */
function partsOf(finding: Finding, said: Words["findings"]): Record<string, ReactNode> {
  const parts: Record<string, ReactNode> = {};
  if ("host" in finding) {
    const { id, name } = finding.host;
    parts["host"] = finding.kind === "host-lost" ? <b>{name}</b> : <HostLink id={id} name={name} />;
  }
  if ("pool" in finding && finding.pool !== null) parts["pool"] = <PoolLink name={finding.pool} />;
  switch (finding.kind) {
    case "host-names":
      parts["name"] = <b>{finding.name}</b>;
      break;
    case "task-unserved":
      parts["task"] = (
        <Link to="/tasks" search={{ pool: finding.pool, task: finding.task, state: "blocked" }}>
          {finding.task}
        </Link>
      );
      break;
    case "task-fails":
      parts["task"] = (
        <Link to="/failures" search={{ group: finding.group }}>
          {finding.task}
        </Link>
      );
      break;
    case "deadlock": {
      const task = finding.waits[0]?.waiter.task;
      if (task) parts["task"] = <TaskLink {...task} />;
      break;
    }
    case "lock-held":
      parts["object"] = (
        <Link to="/objects" search={{ object: `${finding.object.kind}/${finding.object.name}` }}>
          {finding.object.name}
        </Link>
      );
      parts["holder"] = finding.holder.task ? (
        <TaskLink {...finding.holder.task} />
      ) : (
        `${said.nobody} (${finding.holder.host ?? "?"}, pid ${finding.holder.pid ?? "?"})`
      );
      break;
    case "schedule-late":
      parts["schedule"] = <Link to="/schedules">{finding.schedule}</Link>;
      break;
    case "dead-letters":
      parts["in"] = finding.pool === null ? "" : <PoolPlace name={finding.pool} />;
      break;
    default:
  }
  return parts;
}

function PoolLink({ name }: { name: string }) {
  return (
    <Link to="/pools/$name" params={{ name }}>
      {name}
    </Link>
  );
}

function PoolPlace({ name }: { name: string }) {
  const { overview } = useWords();
  return (
    <>
      {overview.inPool} <PoolLink name={name} />
    </>
  );
}

function HostLink({ id, name }: { id: string; name: string }) {
  return (
    <Link to="/hosts/$id" params={{ id }}>
      {name}
    </Link>
  );
}

function TaskLink({ id, name }: { id: string; name: string }) {
  return (
    <Link to="/tasks/$id" params={{ id }} search={{}}>
      {name}
    </Link>
  );
}
