import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { CauseStep, Causes, TaskView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Action } from "../../components/action.tsx";
import { Command } from "../../components/page.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { Ago, Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { live } from "../../live/live.ts";
import { useStore } from "../../store.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords, type Words } from "../../words/index.ts";
import { cancelAndRetry } from "../objects/end-wait.ts";

/** A wait for a lock comes without an event: while one may be there it is looked for so often, ms. */
const LOOK = 2_000;

/** Why the task does not go on: the chain from it to the cause, and what to press. */
export function WhyCard({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const isOver = task.finishedAt !== null && task.state !== "delayed";
  const isPaused = useStore(live).state === "paused";
  // What was just done may end the wait: its outcome stays until it is closed, so that it can be read.
  const [handled, setHandled] = useState<Causes | null>(null);
  const causes = useQuery({
    ...reading<Causes>(pathOf("tasks", task.id, "causes"), {
      topics: [`pools/${task.pool}`, "hosts", "objects"],
      query: { pool: task.pool },
    }),
    enabled: !isOver,
    refetchInterval: isPaused ? false : LOOK,
    placeholderData: (before) => before,
  });
  const found = causes.data;
  // What runs and waits for nothing goes on.
  const goesOn = !found || found.ending === "finished" || (found.ending === "runs" && found.steps.length === 1);
  const shown = isOver || goesOn ? null : found;
  const ways = handled ?? shown;
  if (ways === null) return null;
  return (
    <section className="card" aria-label={said.whyTitle}>
      <header>
        <h2>{said.whyTitle}</h2>
        {shown && shown.steps.length > 1 && <small>{said.stepsToCause(shown.steps.length)}</small>}
      </header>
      <div className="body stack">
        {shown && (
          <p className="sentence lead">
            <Sentence causes={shown} task={task} />
          </p>
        )}
        {shown && (shown.steps.length > 1 || shown.waitsFor !== null) && <Chain causes={shown} task={task} />}
        <div className={handled !== null && handled.ending !== shown?.ending ? "over" : undefined}>
          <WaysOut
            causes={ways}
            task={task}
            onOutcome={(isShown) => setHandled((before) => (isShown ? (before ?? ways) : null))}
          />
        </div>
      </div>
    </section>
  );
}

function Sentence({ causes, task }: { causes: Causes; task: TaskView }): ReactNode {
  const { task: said } = useWords();
  const { ending, steps, advice, until, waitsFor } = causes;
  const why = said.why;
  const last = steps.at(-1) as CauseStep;
  const second = steps[1]?.waitsFor;
  const front =
    second?.what === "pool"
      ? why.poolFull(second.pool, count(second.size), second.size)
      : second?.what === "slot"
        ? why.noSlot(second.pool, count(second.slots))
        : null;
  switch (ending) {
    case "limited":
      return <LimitSentence causes={causes} />;
    case "unserved":
      return sentenceOf(advice?.split(/: (?=manyhands )|; start one with: /)[0] ?? said.states.unknown);
    case "paused":
      return why.paused(task.pool);
    case "waits":
      return task.queuePosition === null || task.queuePosition === 0
        ? why.next
        : why.behind(count(task.queuePosition), task.queuePosition);
    case "delayed":
      return until === null ? why.delayed : [why.starts, " ", <Ago key="at" at={until} />, "."];
    case "backoff":
      return until === null ? why.backoff : [why.triesAgain, " ", <Ago key="at" at={until} />, "."];
    case "signal":
      return waitsFor?.what === "object" ? why.signal(waitsFor.kind, waitsFor.name) : why.next;
    case "lost":
      return (
        <>
          {front} {why.lost(nameOf(last, said))}{" "}
          {until !== null && (
            <>
              {why.leaseEnds} <Ago at={until} />.
            </>
          )}
        </>
      );
    case "deadlock":
      return (
        <>
          {front} {why.causeIs} <Link to="/objects">{why.deadlock(steps.length - (causes.circleFrom ?? 0))}</Link>.
        </>
      );
    default:
      return (
        <>
          {front} {second?.what === "object" && why.holds(nameOf(last, said), second.kind, second.name)}
          {second?.what !== "object" && why.longest(nameOf(last, said))}
        </>
      );
  }
}

function LimitSentence({ causes: { limit } }: { causes: Causes }): ReactNode {
  const { task: said } = useWords();
  const { why } = said;
  if (limit === null) return why.next;
  const { task, key, allows, running, isFull, nextAt, before, turn } = limit;
  return (
    <>
      <bdi>{why.limited(task ?? why.poolItself, visible(key), allows)}</bdi>{" "}
      {nextAt !== null && (
        <>
          {why.limitRate} <Ago at={nextAt} />.{" "}
        </>
      )}
      {nextAt === null && isFull && `${why.limitFull(count(running))} `}
      {turn !== null && `${why.limitTurn(count(turn), turn)} `}
      {before !== null && before > 0 && why.limitBefore(count(before), before)}
    </>
  );
}

function Chain({ causes, task }: { causes: Causes; task: TaskView }) {
  const { task: said } = useWords();
  const { steps, ending, circleFrom, waitsFor } = causes;
  // The steps of a circle but its first one are told by the box at its end.
  const shown = ending === "deadlock" ? steps.slice(0, (circleFrom ?? 0) + 1) : steps;
  const circle = ending === "deadlock" ? steps.slice(circleFrom ?? 0) : [];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a chain that scrolls is reached by keys
    <ol className="chain" tabIndex={0} aria-label={said.chain}>
      {shown.map((step, index) => {
        const isEnd = circle.length > 0 && index === shown.length - 1;
        return (
          <li key={`${step.id ?? step.session} ${step.pid}`}>
            {step.waitsFor && <To waitsFor={step.waitsFor} />}
            {isEnd ? <CircleBox circle={circle} /> : <Box step={step} isFirst={index === 0} task={task} />}
          </li>
        );
      })}
      {waitsFor !== null && ending === "signal" && (
        <li>
          <To waitsFor={waitsFor} />
          <ObjectBox waitsFor={waitsFor} />
        </li>
      )}
    </ol>
  );
}

function To({ waitsFor }: { waitsFor: NonNullable<CauseStep["waitsFor"]> }) {
  const { task: said } = useWords();
  if (waitsFor.what === "object") {
    return (
      <span className="to">
        {said.waitsForObject(waitsFor.kind)} <bdi>{waitsFor.name}</bdi>
      </span>
    );
  }
  if (waitsFor.what === "pool")
    return <span className="to">{said.poolPlaces(count(waitsFor.running), count(waitsFor.size))}</span>;
  return <span className="to">{said.slotsBusy(count(waitsFor.slots))}</span>;
}

function Box({ step, isFirst, task }: { step: CauseStep; isFirst: boolean; task: TaskView }) {
  const { task: said } = useWords();
  if (isFirst) {
    return (
      <span className="box">
        <b>
          <bdi>{task.name}</bdi>
        </b>
        <small>{said.thisTask}</small>
      </span>
    );
  }
  const where = step.host ?? step.hostname ?? "";
  const small = (
    <small>
      <bdi>{where}</bdi>
      {step.who === "program" && step.pid !== null && ` pid ${step.pid}`}
      {step.since !== null && (
        <>
          , {step.waitsFor?.what === "object" ? said.holdsIt : said.runs} <Lasting since={step.since} />
        </>
      )}
      {!step.isAlive && `, ${said.isGone}`}
    </small>
  );
  if (step.id === null) {
    return (
      <span className="box">
        <b>{said.aProgram}</b>
        {small}
      </span>
    );
  }
  return (
    <TaskLink step={step} className="box">
      <b>
        <bdi>{step.name}</bdi>
      </b>
      {small}
    </TaskLink>
  );
}

function CircleBox({ circle }: { circle: readonly CauseStep[] }) {
  const { task: said } = useWords();
  const since = Math.min(...circle.flatMap(({ since }) => (since === null ? [] : [since])));
  return (
    <Link to="/objects" className="box end">
      <b>
        {circle.map((step, index) => (
          <span key={`${step.id ?? step.session}`}>
            {index > 0 && " ⇄ "}
            <bdi>
              {step.name ?? said.aProgram} {step.id?.slice(-4) ?? ""}
            </bdi>
          </span>
        ))}
      </b>
      <small className="bad">
        {said.deadlock}
        {Number.isFinite(since) && (
          <>
            {" "}
            <Lasting since={since} />
          </>
        )}
      </small>
    </Link>
  );
}

function ObjectBox({ waitsFor }: { waitsFor: NonNullable<Causes["waitsFor"]> }) {
  const { task: said } = useWords();
  if (waitsFor.what !== "object") return null;
  return (
    <Link to="/objects" className="box lock">
      <b>
        {waitsFor.kind} <bdi>{waitsFor.name}</bdi>
      </b>
      <small>{said.nobodyHas}</small>
    </Link>
  );
}

function TaskLink({ step, className, children }: { step: CauseStep; className?: string; children: ReactNode }) {
  return (
    <Link
      to="/tasks/$id"
      params={{ id: step.id ?? "" }}
      search={step.pool === null ? {} : { pool: step.pool }}
      {...(className !== undefined && { className })}
    >
      {children}
    </Link>
  );
}

/** What can be pressed. */
function WaysOut(props: { causes: Causes; task: TaskView; onOutcome: (isShown: boolean) => void }) {
  const { causes, task, onOutcome } = props;
  const { task: said } = useWords();
  const mayNot = { cancel: useMay("cancel"), promote: useMay("promote"), pool: useMay("changePool") };
  const { ending, steps, advice, circleFrom, waits, knowing } = causes;
  const command = /(manyhands (?:worker|host|task) .*)$/s.exec(advice ?? "")?.[1];
  if (ending === "unserved") {
    return (
      <>
        {knowing.length > 0 && <KnowingHosts hosts={knowing} />}
        {command !== undefined && <Command text={command} />}
      </>
    );
  }
  if (ending === "paused") {
    return (
      <div className="row">
        <Action
          onOutcome={onOutcome}
          icon="play"
          look="primary"
          disabled={mayNot.pool}
          run={async () => {
            await call(pathOf("pools", task.pool), { method: "PATCH", body: { paused: false } });
            return { said: said.poolResumed(task.pool) };
          }}
        >
          {said.resumePool(task.pool)}
        </Action>
      </div>
    );
  }
  if (ending === "delayed" || ending === "backoff") {
    return (
      <div className="row">
        <Action
          onOutcome={onOutcome}
          icon="play"
          disabled={mayNot.promote}
          run={async () => {
            await call(pathOf("tasks", task.id, "promote"), { method: "POST", query: { pool: task.pool } });
            return { said: said.promoted };
          }}
        >
          {said.startNow}
        </Action>
      </div>
    );
  }
  const victim = ending === "deadlock" ? steps[circleFrom ?? 0] : ending === "runs" ? steps.at(-1) : undefined;
  if (victim?.id == null || steps.length < 2) return null;
  const label = `${victim.name} ${victim.id.slice(-4)}`;
  return (
    <div className="row">
      <Action
        onOutcome={onOutcome}
        look={ending === "deadlock" ? "primary" : "plain"}
        icon="stop"
        disabled={mayNot.cancel}
        question={{
          title: said.cancelThenRetryTitle(label),
          facts: [
            said.stoppedOn(victim.host ?? victim.hostname ?? "?", victim.pid === null ? "?" : String(victim.pid)),
            ...(waits > 0 ? [said.freesWaits(count(waits), waits)] : []),
            said.callerGets,
          ],
          keep: said.keepRunning,
          go: said.cancelAndRetry,
        }}
        run={async () => {
          const { id, name, pool } = victim;
          const reason = "cancelled to end a wait, and tried again";
          await cancelAndRetry({ id: id ?? "", name: name ?? label, pool, reason });
          return { said: said.cancelledAndRetried(label) };
        }}
      >
        {said.cancelThenRetry(label)}
      </Action>
      {waits > 0 && <small>{said.freesWaits(count(waits), waits)}</small>}
    </div>
  );
}

/** Hosts that could start it, such as one that drains: there its drain is stopped. */
function KnowingHosts({ hosts }: { hosts: Causes["knowing"] }) {
  const { task: said } = useWords();
  return (
    <p className="row">
      <span className="soft">{said.knownBy}</span>
      {hosts.map(({ id, name, state }) => (
        <span key={id} className="row">
          <Link to="/hosts/$id" params={{ id }}>
            <bdi>{visible(name)}</bdi>
          </Link>
          {isStateName(state) ? <State name={state} pill /> : <span className="soft">{state}</span>}
        </span>
      ))}
    </p>
  );
}

function sentenceOf(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

function nameOf(step: CauseStep, said: Words["task"]): string {
  return step.name === null ? said.aProgram : `${step.name} ${step.id?.slice(-4) ?? ""}`;
}
