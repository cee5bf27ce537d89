import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { TaskView } from "../../../../src/api/types.ts";
import { BASE } from "../../base.ts";
import { Meter } from "../../components/meter.tsx";
import { Ago, Moment } from "../../components/time.tsx";
import { count, percent } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { useWords } from "../../words/index.ts";
import { RawDialog } from "./raw-dialog.tsx";

/** What is known of the task besides. */
export function FactsCard({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const [isRaw, setRaw] = useState(false);
  const { timeout, softTimeout, attempts, traceId, traceUrl, tags, parent, schedule, deadOf } = task;
  const limits = [
    ...(timeout === null ? [] : [said.timeLimit(duration(timeout))]),
    ...(softTimeout === null ? [] : [said.softLimit(duration(softTimeout))]),
    said.triesAllowed(count(attempts), attempts),
  ];
  return (
    <section className="card" aria-label={said.facts}>
      <header>
        <h2>{said.facts}</h2>
      </header>
      <div className="body">
        <dl className="facts">
          <dt>{said.pool}</dt>
          <dd>
            <Link to="/pools/$name" params={{ name: task.pool }}>
              <bdi>{task.pool}</bdi>
            </Link>
            {task.queuePosition !== null && `, ${said.inLine(count(task.queuePosition))}`}
          </dd>
          <dt>{said.submitted}</dt>
          <dd>
            <Moment at={task.createdAt} />, <Ago at={task.createdAt} />
          </dd>
          {schedule !== null && (
            <>
              <dt>{said.by}</dt>
              <dd>
                {said.schedule} <bdi>{schedule}</bdi>
              </dd>
            </>
          )}
          {task.workflow !== null && (
            <>
              <dt>{said.workflow}</dt>
              <dd>
                <Link to="/workflows/$id" params={{ id: task.workflow }}>
                  <bdi>{task.workflow}</bdi>
                </Link>
              </dd>
            </>
          )}
          {deadOf !== null && (
            <>
              <dt>{said.by}</dt>
              <dd>
                {said.onDeadOf}{" "}
                <Link to="/tasks/$id" params={{ id: deadOf }} search={{}}>
                  <bdi>{deadOf}</bdi>
                </Link>
              </dd>
            </>
          )}
          {parent !== null && (
            <>
              <dt>{said.parent}</dt>
              <dd>
                <Link to="/tasks/$id" params={{ id: parent.id }} search={{ pool: parent.pool }}>
                  <bdi>{parent.id}</bdi>
                </Link>
              </dd>
            </>
          )}
          {task.startedAt !== null && (
            <>
              <dt>{said.started}</dt>
              <dd>
                <Moment at={task.startedAt} />
                {task.waitTime !== null && `, ${said.afterWait(duration(task.waitTime))}`}
              </dd>
            </>
          )}
          {task.finishedAt !== null && (
            <>
              <dt>{said.finished}</dt>
              <dd>
                <Moment at={task.finishedAt} />
                {task.runTime !== null && `, ${said.afterRun(duration(task.runTime))}`}
              </dd>
            </>
          )}
          {task.host !== null && (
            <>
              <dt>{said.host}</dt>
              <dd>
                <Link to="/hosts/$id" params={{ id: task.hostId ?? task.host }}>
                  <bdi>{task.host}</bdi>
                </Link>
                {task.pid !== null && <span className="soft">, pid {task.pid}</span>}
              </dd>
            </>
          )}
          <dt>{said.limits}</dt>
          <dd>{limits.join(", ")}</dd>
          {task.priority !== null && (
            <>
              <dt>{said.priority}</dt>
              <dd>{count(task.priority)}</dd>
            </>
          )}
          {task.expiresAt !== null && task.startedAt === null && (
            <>
              <dt>{said.expires}</dt>
              <dd>
                <Ago at={task.expiresAt} />
              </dd>
            </>
          )}
          <Progress task={task} />
          {task.units > 1 && (
            <>
              <dt>{said.calls}</dt>
              <dd>{said.unitsOf(count(task.units), count(task.items))}</dd>
            </>
          )}
          {tags.length > 0 && (
            <>
              <dt>{said.tags}</dt>
              <dd className="tags">
                {tags.map((tag) => (
                  <Link className="tag" key={tag} to="/tasks" search={{ tag }}>
                    <bdi>{tag}</bdi>
                  </Link>
                ))}
              </dd>
            </>
          )}
          {traceId !== null && (
            <>
              <dt>{said.trace}</dt>
              <dd className="mono">
                {traceUrl == null ? (
                  traceId
                ) : (
                  <a href={traceUrl} target="_blank" rel="noreferrer">
                    {traceId} ↗
                  </a>
                )}
              </dd>
            </>
          )}
          <dt>{said.bullJob}</dt>
          <dd>
            <button type="button" className="as-link" onClick={() => setRaw(true)}>
              {said.raw}
            </button>
            ,{" "}
            <a
              href={`${BASE}bull-board/queue/${encodeURIComponent(task.pool)}/${encodeURIComponent(task.id)}`}
              target="_blank"
              rel="noreferrer"
            >
              {said.inBullBoard} ↗
            </a>
          </dd>
        </dl>
      </div>
      {isRaw && <RawDialog task={task} onClose={() => setRaw(false)} />}
    </section>
  );
}

/** Progress that is a number, as a meter; other forms are shown as a value. */
function Progress({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const node = task.typed?.find(({ part }) => part === "progress")?.node;
  if (node?.type !== "number") return null;
  const share = Math.max(0, Math.min(1, Number(node.text) / 100));
  return (
    <>
      <dt>{said.progress}</dt>
      <dd className="usage">
        <span>{percent(share)}</span>
        <Meter used={share} of={1} label={percent(share)} />
      </dd>
    </>
  );
}
