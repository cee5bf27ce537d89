import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { TaskRow } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Glyph } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { useWords, type Words } from "../../words/index.ts";
import type { Deed, DeedInput, Meant } from "./bulk-run.ts";

/** From so many tasks on, their number has to be typed. */
const TYPED_FROM = 1_000;

const WAITING: ReadonlySet<string> = new Set(["waiting", "prioritized", "delayed", "blocked"]);

/** What will happen to how many. */
interface Forecast {
  /** Tasks in a state in which it can be done. */
  count: number;
  running: number;
  others: number;
}

/** Asks before something is done to many tasks: says what will happen to how many. */
export function BulkDialog(props: {
  deed: Deed;
  meant: Meant;
  /** The filters in words. */
  filters: string;
  onClose: () => void;
  onGo: (input: DeedInput, count: number) => void;
}) {
  const { deed, meant, filters, onClose, onGo } = props;
  const { tasks: said } = useWords();
  const words = said.deeds[deed];
  const forecast = useForecast(deed, meant);
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [priority, setPriority] = useState("");
  const [delay, setDelay] = useState("");
  const many = forecast === null ? "…" : count(forecast.count);
  const mustType = forecast !== null && forecast.count > TYPED_FROM;
  const change = changeOf({ priority, delay });
  const problem =
    forecast === null
      ? said.counting
      : forecast.count === 0
        ? words.none
        : mustType && typed.replace(/\D/g, "") !== String(forecast.count)
          ? said.typeFirst(String(forecast.count))
          : deed === "change" && typeof change === "string"
            ? said.change[change]
            : null;
  const go = () => {
    if (problem !== null || forecast === null) return;
    const input: DeedInput = {
      ...(deed === "cancel" && reason !== "" && { reason }),
      ...(deed === "change" && typeof change === "object" && { change }),
    };
    onGo(input, forecast.count);
  };
  return (
    <Dialog title={words.title(many)} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          go();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) go();
        }}
      >
        {filters !== "" && <p className="soft">{filters}</p>}
        <ul className="plain">
          {forecast === null ? <Fact>{said.counting}</Fact> : <Facts words={words} forecast={forecast} />}
        </ul>
        {deed === "cancel" && (
          <div className="field">
            <label htmlFor="bulk-reason">
              {said.reason} <span className="soft">{said.reasonHint}</span>
            </label>
            <input
              className="input"
              id="bulk-reason"
              autoFocus
              value={reason}
              maxLength={1_000}
              onChange={(event) => setReason(event.target.value)}
            />
          </div>
        )}
        {deed === "change" && (
          <div className="row">
            <div className="field">
              <label htmlFor="bulk-priority">{said.priority}</label>
              <input
                className="input"
                id="bulk-priority"
                autoFocus
                inputMode="numeric"
                value={priority}
                onChange={(event) => setPriority(event.target.value)}
              />
              <small>{said.priorityHint}</small>
            </div>
            <div className="field">
              <label htmlFor="bulk-delay">{said.delay}</label>
              <input
                className="input"
                id="bulk-delay"
                inputMode="decimal"
                value={delay}
                onChange={(event) => setDelay(event.target.value)}
              />
              <small>{said.delayHint}</small>
            </div>
          </div>
        )}
        {mustType && (
          <div className="field">
            <label htmlFor="bulk-sure">{said.typeToGoOn(String(forecast.count))}</label>
            <input
              className="input mono"
              id="bulk-sure"
              inputMode="numeric"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
            <small>{said.askedFrom(count(TYPED_FROM))}</small>
          </div>
        )}
        <p className="soft" role="status">
          {problem}
        </p>
      </form>
      <footer>
        <Button onClick={onClose}>{words.keep}</Button>
        <Button look={words.isDangerous ? "danger solid" : "primary"} disabled={problem} onClick={go}>
          {words.go(many)} <kbd>Ctrl Enter</kbd>
        </Button>
      </footer>
    </Dialog>
  );
}

function Facts({ words, forecast }: { words: Words["tasks"]["deeds"][Deed]; forecast: Forecast }) {
  const { running, others } = forecast;
  const rest = forecast.count - running;
  return (
    <>
      {rest > 0 && <Fact>{words.rest(count(rest))}</Fact>}
      {running > 0 && <Fact>{words.running(count(running))}</Fact>}
      {others > 0 && <Fact>{words.others(count(others))}</Fact>}
      <Fact>{words.after}</Fact>
    </>
  );
}

function Fact({ children }: { children: ReactNode }) {
  return (
    <li>
      <span>
        <Glyph name="info" />
      </span>
      <span>{children}</span>
    </li>
  );
}

/** @returns null while it is counted */
function useForecast(deed: Deed, meant: Meant): Forecast | null {
  const isQuery = meant.kind === "query";
  const query = isQuery ? meant.query : {};
  const counted = useQuery({
    ...reading<{ count: number; running?: number; all?: number }>("/task-count", {
      topics: [],
      query: { ...query, for: deed },
    }),
    enabled: isQuery,
    staleTime: 0,
  });
  if (meant.kind === "some") return forecastOf(deed, meant.tasks);
  if (!counted.data) return null;
  const { count, running = 0, all = count } = counted.data;
  return { count, running, others: Math.max(0, all - count) };
}

/** What a deed can be done to. */
export function isMeantFor(deed: Deed, { state }: Pick<TaskRow, "state">): boolean {
  if (deed === "retry") return state === "failed" || state === "cancelled" || state === "unknown";
  if (deed === "promote") return state === "delayed";
  if (deed === "change") return WAITING.has(state);
  if (deed === "cancel") return WAITING.has(state) || state === "active";
  return state !== "active";
}

function forecastOf(deed: Deed, tasks: readonly TaskRow[]): Forecast {
  const meant = tasks.filter((task) => isMeantFor(deed, task));
  const running = meant.filter(({ state }) => state === "active").length;
  return { count: meant.length, running, others: tasks.length - meant.length };
}

/** What was typed, or what is wrong with it. */
function changeOf({
  priority,
  delay,
}: {
  priority: string;
  delay: string;
}): DeedInput["change"] | "nothing" | "number" {
  if (priority.trim() === "" && delay.trim() === "") return "nothing";
  const [rank, seconds] = [Number(priority), Number(delay)];
  if (priority.trim() !== "" && !(Number.isInteger(rank) && rank >= 0 && rank <= 2_097_151)) return "number";
  if (delay.trim() !== "" && !(seconds >= 0 && seconds <= 31_536_000)) return "number";
  return {
    ...(priority.trim() !== "" && { priority: rank }),
    ...(delay.trim() !== "" && { delay: Math.round(seconds * 1_000) }),
  };
}
