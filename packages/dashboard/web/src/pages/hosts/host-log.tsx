import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { HostLog as HostLogView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { FindHere } from "../../components/find-here.tsx";
import { Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { clockTime, exactTime } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";

/** A host writes its lines at most once a second; they are asked for at this interval, ms. */
const INTERVAL = 3_000;
const MOST_LINES = 300;

/** The last lines of a host's log. @param isLive - False: no more come */
export function HostLog({ id, name, isLive }: { id: string; name: string; isLive: boolean }) {
  const { hosts: said } = useWords();
  const search = useSearch({ from: "/hosts/$id" });
  const navigate = useNavigate({ from: "/hosts/$id" });
  const { level, text } = search;
  const log = useQuery({
    ...reading<HostLogView>(`${pathOf("hosts", id)}/log`, {
      query: { level, text, limit: MOST_LINES },
      topics: [`hosts/${id}`],
    }),
    ...(isLive && every(INTERVAL)),
    placeholderData: (before: HostLogView | undefined) => before,
  });
  const [follows, setFollows] = useState(true);
  const list = useRef<HTMLOListElement>(null);
  const last = log.data?.lines.at(-1)?.at;
  useEffect(() => {
    if (follows && last !== undefined && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [follows, last]);
  const change = (next: { level?: "warn" | "error" | undefined; text?: string | undefined }): void => {
    const { level: _level, text: _text, ...rest } = search;
    const wanted = { level, text, ...next };
    void navigate({
      search: {
        ...rest,
        ...(wanted.level && { level: wanted.level }),
        ...(wanted.text !== undefined && wanted.text !== "" && { text: wanted.text }),
      },
      replace: true,
    });
  };
  const isFiltered = level !== undefined || text !== undefined;
  return (
    <section className="card" aria-label={said.logOf(name)}>
      <header>
        <h2>{said.logOf(name)}</h2>
        <small>{said.logHint}</small>
        <span className="push row">
          <FindHere label={said.logFind} value={text ?? ""} onChange={(wanted) => change({ text: wanted })} />
          <Segments
            label={said.logLevel}
            choices={[
              ["info", said.logAll],
              ["warn", said.logWarnings],
              ["error", said.logErrors],
            ]}
            chosen={level ?? "info"}
            onChoose={(wanted) => change({ level: wanted === "info" ? undefined : wanted })}
          />
          <Button size="small" icon="down" pressed={follows} onClick={() => setFollows(!follows)}>
            {said.follow}
          </Button>
        </span>
      </header>
      <Reading of={log} rows={4}>
        {({ lines }) =>
          lines.length === 0 ? (
            <p className="body soft">
              {isFiltered ? (
                said.logNoMatch
              ) : (
                <>
                  <b>{said.logNone}.</b> {said.logNoneHint}
                </>
              )}
            </p>
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
            <ol className="log" ref={list} tabIndex={0} aria-label={said.logOf(name)}>
              {lines.map(({ at, level, message }, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name, and come at the end
                <li key={`${at} ${index}`} className={level === "error" ? "e" : level === "warn" ? "w" : undefined}>
                  <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
                    {clockTime(at)}.{String(Math.floor(at) % 1_000).padStart(3, "0")}
                  </time>
                  <span className="lv">{said.levels[level]}</span>
                  <span className="tx">{message}</span>
                </li>
              ))}
            </ol>
          )
        }
      </Reading>
    </section>
  );
}
