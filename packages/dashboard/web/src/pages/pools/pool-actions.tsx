import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { PoolView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action, type Done } from "../../components/action.tsx";
import { Field } from "../../components/field.tsx";
import { count } from "../../format/numbers.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { delayedOf, waitingOf } from "./hindrance.tsx";

/** Pauses a pool, or lets it go on. */
export function PauseButton({ pool, isSmall = false }: { pool: PoolView; isSmall?: boolean }) {
  const { pools: said } = useWords();
  const may = useMay("changePool");
  const { name, paused } = pool;
  const set = async (isPaused: boolean): Promise<Done> => {
    const now = await call<PoolView>(pathOf("pools", name), { method: "PATCH", body: { paused: isPaused } });
    return {
      said: isPaused ? said.paused(name, count(waitingOf(now))) : said.resumed(name),
      undo: () => set(!isPaused),
    };
  };
  const look = isSmall
    ? { size: "small" as const, look: "quiet" as const, label: paused ? said.resumeLabel(name) : said.pauseLabel(name) }
    : { children: paused ? said.resume : said.pause };
  return (
    <Action
      icon={paused ? "play" : "pause"}
      disabled={may ?? (pool.state === "terminated" && said.states.terminated)}
      run={() => set(!paused)}
      {...look}
    />
  );
}

export function ResizePool({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const may = useMay("changePool");
  const [text, setText] = useState("");
  const wrong = wrongSize(text, said);
  const sizeText = (size: number | null): string => (size === null ? said.unlimited : count(size));
  const set = async (size: number | null, before: number | null): Promise<Done> => {
    await call(pathOf("pools", pool.name), { method: "PATCH", body: { size } });
    return { said: said.resized(pool.name, sizeText(size)), undo: () => set(before, size) };
  };
  return (
    <Action
      icon="resize"
      disabled={may ?? (pool.state === "terminated" && said.states.terminated)}
      onAsk={() => setText(pool.size === null ? "" : String(pool.size))}
      question={{
        title: said.resizeTitle(pool.name),
        facts: [said.sizeFacts(count(pool.active))],
        children: (
          <Field
            label={said.size}
            kind={said.sizeKind}
            value={text}
            onChange={setText}
            wrong={wrong}
            hint={said.sizeHint}
            inputMode="numeric"
            first
          />
        ),
        wrong,
        keep: said.keepAsIs,
        go: said.resizeGo,
      }}
      run={() => set(sizeIn(text), pool.size)}
    >
      {said.resize}
    </Action>
  );
}

export function ResetPool({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const may = useMay("resetPool");
  if (pool.state !== "failed") return null;
  return (
    <Action
      icon="retry"
      look="primary"
      disabled={may}
      run={async () => {
        const { hadFailed } = await call<{ hadFailed: boolean }>(`${pathOf("pools", pool.name)}/reset`, {
          method: "POST",
        });
        return { said: hadFailed ? said.wasReset(pool.name) : said.wasNotFailed(pool.name) };
      }}
    >
      {said.reset}
    </Action>
  );
}

export function DrainPool({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const may = useMay("drainPool");
  const [isDelayedToo, setDelayedToo] = useState(false);
  const { name, active } = pool;
  const inLine = waitingOf(pool);
  const later = delayedOf(pool);
  const many = inLine + (isDelayedToo ? later : 0);
  return (
    <Action
      icon="drain"
      disabled={may ?? (inLine + later === 0 && said.drainNothing)}
      onAsk={() => setDelayedToo(inLine === 0)}
      question={{
        title: said.drainTitle(name, count(many)),
        facts: said.drainFacts(count(active)),
        children: later > 0 && (
          <label className="row">
            <input
              type="checkbox"
              className="check"
              checked={isDelayedToo}
              onChange={(event) => setDelayedToo(event.target.checked)}
            />
            {said.drainDelayed(count(later))}
          </label>
        ),
        wrong: many === 0 && said.drainNothing,
        keep: said.keepThem,
        go: said.drainGo(count(many)),
        dangerous: true,
      }}
      run={async (tell) => {
        let [removed, refused] = [0, 0];
        for (;;) {
          const answer = await call<{ removed: number; refused: number; isFinished: boolean }>(
            `${pathOf("pools", name)}/drain`,
            { method: "POST", body: { delayed: isDelayedToo } },
          );
          removed += answer.removed;
          refused += answer.refused;
          if (answer.isFinished) return { said: said.drained(count(removed), refused) };
          tell(said.draining(count(removed)));
        }
      }}
    >
      {said.drain}
    </Action>
  );
}

export function RemovePool({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const may = useMay("removePool");
  const navigate = useNavigate();
  const { name, active, completed, failed } = pool;
  const waits = waitingOf(pool) + delayedOf(pool);
  return (
    <Action
      icon="remove"
      look="danger"
      disabled={may ?? (name === "default" && said.defaultStays)}
      question={{
        title: said.removeTitle(name),
        facts: said.removeFacts(count(waits), count(active), count(completed + failed)),
        keep: said.keepPool,
        go: said.removeGo(name),
        dangerous: true,
      }}
      run={async () => {
        await call(pathOf("pools", name), { method: "DELETE", query: { force: active > 0 } });
        void navigate({ to: "/pools" });
        return { said: said.removed(name) };
      }}
    >
      {said.remove}
    </Action>
  );
}

/** What is wrong with a size; null = nothing. */
export function wrongSize(text: string, said: ReturnType<typeof useWords>["pools"]): string | null {
  const trimmed = text.trim();
  return trimmed === "" || /^[1-9]\d{0,8}$/.test(trimmed) ? null : said.sizeWrong(trimmed);
}

export function sizeIn(text: string): number | null {
  return text.trim() === "" ? null : Number(text.trim());
}
