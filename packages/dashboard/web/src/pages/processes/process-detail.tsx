import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ProcessView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { FindHere } from "../../components/find-here.tsx";
import { Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";
import { EndProcess } from "./process-actions.tsx";

/** One process: what it wrote, what is known of it, and what ends it. */
export function ProcessDetail({ id, below }: { id: string; below: number }) {
  const process = useQuery({
    ...reading<ProcessView>(pathOf("processes", id), { topics: ["processes"] }),
    // What a process writes changes nothing else.
    refetchInterval: ({ state }: { state: { data?: ProcessView | undefined } }) =>
      state.data?.state === "running" ? 3_000 : false,
  });
  return (
    <Reading of={process} rows={4}>
      {(process) => (
        <div className="stack wide">
          <section className="card" aria-label={process.name}>
            <header>
              <h2 className="cut">{process.name}</h2>
              {isStateName(process.state) && <State name={process.state} pill />}
            </header>
            <div className="body stack">
              <Facts process={process} />
              {(process.state === "running" || process.state === "waiting") && (
                <div className="row">
                  <EndProcess process={process} how="terminate" below={below} />
                  <EndProcess process={process} how="kill" below={below} />
                </div>
              )}
            </div>
          </section>
          <Output process={process} />
        </div>
      )}
    </Reading>
  );
}

function Facts({ process }: { process: ProcessView }) {
  const { processes: said } = useWords();
  const { parent } = process;
  return (
    <dl className="facts">
      <dt>{said.target}</dt>
      <dd className="mono">{process.target}</dd>
      {(process.lost !== null || process.exitcode !== null) && (
        <>
          <dt>{said.result}</dt>
          <dd>
            <HowEnded process={process} />
          </dd>
        </>
      )}
      <dt>{said.host}</dt>
      <dd>
        {process.host === "" ? (
          said.waitsForHost
        ) : (
          <>
            <Link to="/hosts/$id" params={{ id: process.hostId }}>
              {process.host}
            </Link>
            , pid {process.pid}
          </>
        )}
      </dd>
      <dt>{said.queue}</dt>
      <dd>{process.queue === "processes" ? said.anyHost : process.queue.replace(/^processes\./, "")}</dd>
      <dt>{said.parent}</dt>
      <dd>
        {parent.name} {said.programOn(parent.host, String(parent.pid))}
      </dd>
      <dt>{process.startedAt === null ? said.created : said.started}</dt>
      <dd>
        <Moment at={process.startedAt ?? process.createdAt} />
      </dd>
      {process.endedAt !== null && (
        <>
          <dt>{said.ended}</dt>
          <dd>
            <Moment at={process.endedAt} />
          </dd>
        </>
      )}
      <dt>{said.id}</dt>
      <dd className="mono">{process.id}</dd>
    </dl>
  );
}

export function HowEnded({ process }: { process: ProcessView }) {
  const { processes: said } = useWords();
  if (process.lost !== null) return <span className="bad">{process.lost}</span>;
  if (process.exitcode === null) return null;
  return <span className={process.exitcode === 0 ? undefined : "bad"}>{said.exit(String(process.exitcode))}</span>;
}

function Output({ process }: { process: ProcessView }) {
  const { processes: said } = useWords();
  const [stream, setStream] = useState<"stdout" | "stderr">(
    process.stdout === "" && process.stderr !== "" ? "stderr" : "stdout",
  );
  const [text, setText] = useState("");
  const all = process[stream] === "" ? [] : process[stream].replace(/\n$/, "").split("\n");
  const wanted = text.toLowerCase();
  const lines = all
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.toLowerCase().includes(wanted));
  return (
    <section className="card" aria-label={said.outputOf(process.name)}>
      <header>
        <h2>{said.output}</h2>
        <small>{said.outputHint}</small>
        <span className="push row">
          <FindHere label={said.findOutput} value={text} onChange={setText} />
          <Segments
            label={said.which}
            choices={[
              ["stdout", said.stdout],
              ["stderr", said.stderr],
            ]}
            chosen={stream}
            onChoose={setStream}
          />
        </span>
      </header>
      {all.length === 0 ? (
        <p className="body soft">{said.noOutput}</p>
      ) : lines.length === 0 ? (
        <p className="body soft">{said.noOutputMatch}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
        <ol className="log numbered" tabIndex={0} aria-label={said.outputOf(process.name)}>
          {lines.map(({ line, number }) => (
            <li key={number}>
              <span className="lv">{count(number)}</span>
              <span className="tx">{line}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
