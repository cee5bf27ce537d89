import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useEffect, useRef, useState } from "react";
import type { TaskLine, TaskLines, TaskView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Icon } from "../../components/icon.tsx";
import { Reading } from "../../components/page.tsx";
import { count } from "../../format/numbers.ts";
import { clockTime, exactTime } from "../../format/times.ts";
import { live } from "../../live/live.ts";
import { useStore } from "../../store.ts";
import { useWords } from "../../words/index.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
/** Lines at first, and after "earlier lines". */
const FEW = 300;
const MANY = 1_000;
/** A line comes without an event: a task that runs is looked at so often, ms. */
const LOOK = 1_000;

/** What a task has logged and printed: searched, by try, followed. */
export function LogCard({ task }: { task: TaskView }) {
  const { task: said } = useWords();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const [level, setLevel] = useState<(typeof LEVELS)[number]>("debug");
  const [tryAt, setTryAt] = useState<number | null>(null);
  const [last, setLast] = useState(FEW);
  const [isFollowing, setFollowing] = useState(true);
  const isPaused = useStore(live).state === "paused";
  const isRunning = task.state === "active";
  const lines = useQuery({
    ...reading<TaskLines>(pathOf("tasks", task.id, "lines"), {
      topics: [`pools/${task.pool}`],
      query: {
        ...{ pool: task.pool, last, tryAt },
        ...(wanted !== "" && { text: wanted }),
        ...(level !== "debug" && { level }),
      },
    }),
    refetchInterval: isRunning && !isPaused ? LOOK : false,
    placeholderData: (before) => before,
  });
  const tries = task.tries.map(({ startedAt }, index) => ({ startedAt, number: index + 1 }));
  return (
    <section className="card" aria-label={said.log}>
      <header>
        <h2>{said.log}</h2>
        {tries.length > 1 && (
          <fieldset className="seg" aria-label={said.whichTry}>
            <button type="button" aria-pressed={tryAt === null} onClick={() => setTryAt(null)}>
              {said.allTries}
            </button>
            {tries.slice(-6).map(({ startedAt, number }) => (
              <button
                type="button"
                key={startedAt}
                aria-pressed={tryAt === startedAt}
                onClick={() => setTryAt(startedAt)}
              >
                {said.tryName(number)}
              </button>
            ))}
          </fieldset>
        )}
        <span className="push row log-tools">
          <span className="search log-search">
            <Icon name="search" />
            <input
              aria-label={said.searchLog}
              placeholder={said.searchLog}
              value={text}
              maxLength={1_000}
              onChange={(event) => setText(event.target.value)}
            />
          </span>
          <select
            className="input"
            aria-label={said.leastLevel}
            value={level}
            onChange={(event) => setLevel(event.target.value as typeof level)}
          >
            {LEVELS.map((one) => (
              <option key={one} value={one}>
                {said.fromLevel[one]}
              </option>
            ))}
          </select>
          <Button size="small" icon="down" pressed={isFollowing} onClick={() => setFollowing(!isFollowing)}>
            {said.follow}
          </Button>
        </span>
      </header>
      <Reading of={lines} rows={4}>
        {(found) => (
          <Lines
            found={found}
            task={task}
            text={wanted}
            isFollowing={isFollowing}
            onLeave={() => setFollowing(false)}
            isFiltered={wanted !== "" || level !== "debug" || tryAt !== null}
            onEarlier={last < MANY ? () => setLast(MANY) : null}
          />
        )}
      </Reading>
    </section>
  );
}

function Lines(props: {
  found: TaskLines;
  task: TaskView;
  text: string;
  isFollowing: boolean;
  onLeave: () => void;
  isFiltered: boolean;
  onEarlier: (() => void) | null;
}) {
  const { found, task, text, isFollowing, onLeave, isFiltered, onEarlier } = props;
  const { task: said } = useWords();
  const list = useRef<HTMLOListElement>(null);
  const isOwnScroll = useRef(false);
  const { lines, total, dropped } = found;
  const lastNumber = lines.at(-1)?.number;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line moves the list
  useEffect(() => {
    const place = list.current;
    if (!place || !isFollowing) return;
    isOwnScroll.current = true;
    place.scrollTop = place.scrollHeight;
  }, [lastNumber, isFollowing]);
  if (total === 0) return <p className="body soft">{task.startedAt === null ? said.logNotYet : said.logEmpty}</p>;
  const kept = total - dropped;
  const earlier = (lines[0]?.number ?? 0) - dropped;
  return (
    <>
      <ol
        className="log"
        ref={list}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls is reached by keys
        tabIndex={0}
        aria-label={said.log}
        onScroll={({ currentTarget }) => {
          const isAtEnd = currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - 4;
          if (!isOwnScroll.current && !isAtEnd && isFollowing) onLeave();
          isOwnScroll.current = false;
        }}
      >
        {dropped > 0 && <li className="cutline">{said.droppedLines(count(dropped), dropped)}</li>}
        {!isFiltered && earlier > 0 && onEarlier !== null && (
          <li className="cutline">
            <button type="button" className="as-link" onClick={onEarlier}>
              {said.earlierLines(count(Math.min(earlier, MANY)))}
            </button>
          </li>
        )}
        {lines.map((line, index) => (
          <Line key={line.number} line={line} before={lines[index - 1]} task={task} text={text} />
        ))}
        {lines.length === 0 && <li className="cutline">{said.noLine}</li>}
      </ol>
      <footer>
        <span role="status">
          {isFiltered ? said.linesFound(count(lines.length), count(kept)) : said.linesKept(count(kept), kept)}
        </span>
      </footer>
    </>
  );
}

function Line(props: { line: TaskLine; before: TaskLine | undefined; task: TaskView; text: string }) {
  const { line, before, task, text } = props;
  const { task: said } = useWords();
  const { at, tryAt, level, source } = line;
  const isNewTry = before !== undefined && tryAt !== null && before.tryAt !== null && tryAt !== before.tryAt;
  const number = task.tries.findIndex(({ startedAt }) => startedAt === tryAt) + 1;
  const shown = level === "info" || (level === "error" && source === "stderr") ? source : level;
  const classes = { debug: "", info: "", warn: "w", error: "e" }[level];
  return (
    <>
      {isNewTry && <li className="cutline">{number > 0 ? said.tryName(number) : said.nextTryBegins}</li>}
      <li className={classes}>
        {at === null ? <span className="faint">—</span> : <Time at={at} />}
        <span className="lv">{said.sources[shown]}</span>
        <span className="tx" dir="auto">
          {marked(line.text, text)}
        </span>
      </li>
    </>
  );
}

function Time({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
      {clockTime(at)}.{String(Math.floor(at) % 1_000).padStart(3, "0")}
    </time>
  );
}

function marked(line: string, text: string): ReactNode {
  if (text === "") return line;
  const parts: ReactNode[] = [];
  const [lower, wanted] = [line.toLowerCase(), text.toLowerCase()];
  let from = 0;
  // Lower case may be longer than the text: then nothing is marked.
  if (lower.length !== line.length) return line;
  for (let at = lower.indexOf(wanted); at !== -1 && parts.length < 200; at = lower.indexOf(wanted, from)) {
    parts.push(line.slice(from, at), <mark key={at}>{line.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  return [...parts, line.slice(from)];
}
