import { useState } from "react";
import type { ErrorView, TaskView } from "../../../../src/api/types.ts";
import { CopyButton } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";
import { framesOf } from "./stack-frames.ts";

/** The errors of a task: of its last try with all causes, of those before as far as they are kept. */
export function ErrorCard({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const failed = task.tries.filter(({ error }) => error !== null);
  const [chosen, setChosen] = useState<number | null>(null);
  const last = failed.at(-1);
  const one = failed.find(({ startedAt }) => startedAt === chosen) ?? last;
  // The whole error is kept of the last try alone.
  const isLast = one === last;
  const whole = isLast && task.error !== null && (task.state === "failed" || task.state === "cancelled");
  if (!one && task.error === null) return null;
  const error: ErrorView =
    whole || !one || one.error === null
      ? (task.error as ErrorView)
      : { ...one.error, code: null, stack: one.stack, host: one.host, pid: one.pid, cause: null };
  const number = one ? task.tries.indexOf(one) + 1 : null;
  return (
    <section className="card" aria-label={said.error}>
      <header>
        <h2>{number === null ? said.error : said.errorOfTry(number)}</h2>
        {failed.length > 1 && (
          <fieldset className="seg" aria-label={said.whichTry}>
            {failed.map((each) => (
              <button
                type="button"
                key={each.startedAt}
                aria-pressed={each === one}
                onClick={() => setChosen(each.startedAt)}
              >
                {said.tryName(task.tries.indexOf(each) + 1)}
              </button>
            ))}
          </fieldset>
        )}
        <span className="push">
          <CopyButton text={error.stack ?? `${error.name}: ${error.message}`} />
        </span>
      </header>
      <div className="body fault">
        <OneError error={error} />
      </div>
    </section>
  );
}

/** Longest message that is shown at once, characters. */
const LONGEST_MESSAGE = 4_000;

function OneError({ error, depth = 0 }: { error: ErrorView; depth?: number }) {
  const { task: said } = useWords();
  const [isWhole, setWhole] = useState(false);
  const message = isWhole ? error.message : error.message.slice(0, LONGEST_MESSAGE);
  return (
    <>
      <p className="message">
        {depth > 0 && <span className="soft cause">{said.causedBy} </span>}
        <b>
          <bdi>{error.name}</bdi>
        </b>
        {error.code !== null && <span className="soft"> {error.code}</span>}: <bdi>{message}</bdi>
        {message.length < error.message.length && (
          <button type="button" className="as-link" onClick={() => setWhole(true)}>
            {said.wholeMessage}
          </button>
        )}
      </p>
      {error.host !== null && (
        <p className="soft">
          {said.thrownAt(error.host)}
          {error.pid !== null && `, pid ${error.pid}`}
        </p>
      )}
      {error.stack !== null && <Frames stack={error.stack} />}
      {error.cause !== null && <OneError error={error.cause} depth={depth + 1} />}
    </>
  );
}

function Frames({ stack }: { stack: string }) {
  const { task: said } = useWords();
  const frames = framesOf(stack);
  const own = frames.filter(({ isUser }) => isUser);
  const others = frames.filter(({ isUser }) => !isUser);
  if (frames.length === 0) return null;
  return (
    <ol className="frames">
      {own.map(({ name, at }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: frames do not move, and may be alike
        <li className="user" key={index}>
          <bdi>{name === "" ? said.anonymous : name}</bdi>
          <span className="at">
            <bdi>{at}</bdi>
          </span>
        </li>
      ))}
      {others.length > 0 && (
        <li>
          <details open={own.length === 0}>
            <summary>{said.libraryFrames(others.length)}</summary>
            <ol>
              {others.map(({ name, at }, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <li key={index}>
                  <bdi>{name}</bdi> <span className="at">{at}</span>
                </li>
              ))}
            </ol>
          </details>
        </li>
      )}
    </ol>
  );
}
