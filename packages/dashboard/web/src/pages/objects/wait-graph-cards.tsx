import { lazy, Suspense, useState } from "react";
import type { WaitGraph } from "../../../../src/api/types.ts";
import { Skeleton } from "../../components/page.tsx";
import { State } from "../../components/state.tsx";
import { Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useNow } from "../../live/clock.ts";
import { useWords } from "../../words/index.ts";
import { withoutYoung } from "./graph-model.ts";
import { GraphTable } from "./graph-table.tsx";
import { kindName, nameOf, objectName } from "./names.ts";
import { ObjectLink } from "./object-link.tsx";
import { Causes, WayOut } from "./way-out.tsx";

// With it comes the library that places the nodes.
const GraphDrawing = lazy(() => import("./graph-drawing.tsx").then(({ GraphDrawing }) => ({ default: GraphDrawing })));

/** A wait that is younger is part of every day, ms; it would come and go while it is looked at. */
const YOUNG = 1_000;

/** The wait graph, the ways out of its deadlocks, and what other waits come from. */
export function WaitGraphCards({ graph: whole }: { graph: WaitGraph }) {
  const said = useWords();
  const words = said.objects;
  const [isDrawn, setDrawn] = useState(true);
  const now = useNow();
  const { graph, hidden } = withoutYoung(whole, now - YOUNG);
  const { deadlocks } = graph;
  const since = Math.min(...deadlocks.flatMap((deadlock) => deadlock.since ?? []));
  const isEmpty = graph.objects.length === 0;
  return (
    <>
      <section className="card graph" aria-label={words.graph}>
        <header>
          <h2>{words.graph}</h2>
          {deadlocks.length > 0 && (
            <State name="deadlock" pill>
              {words.deadlocks(count(deadlocks.length))}
            </State>
          )}
          {Number.isFinite(since) && (
            <small>
              {said.common.since} <Moment at={since} seconds />
            </small>
          )}
          {!isEmpty && (
            <fieldset className="push seg" aria-label={words.showAs}>
              <button type="button" aria-pressed={isDrawn} onClick={() => setDrawn(true)}>
                {words.drawn}
              </button>
              <button type="button" aria-pressed={!isDrawn} onClick={() => setDrawn(false)}>
                {words.inWords}
              </button>
            </fieldset>
          )}
        </header>
        {isEmpty ? (
          <p className="body soft">{words.nothingWaits}</p>
        ) : isDrawn ? (
          <div className="body">
            <Suspense fallback={<Skeleton rows={6} />}>
              <GraphDrawing graph={graph} label={sentenceOf(graph, said)} />
            </Suspense>
          </div>
        ) : (
          <GraphTable graph={graph} />
        )}
        <Footer graph={graph} hidden={hidden} isDrawn={isDrawn && !isEmpty} />
      </section>
      {deadlocks.map((deadlock, index) => (
        <WayOut
          key={deadlock.circle.map(({ participant, object }) => `${participant} ${object}`).join(" ")}
          {...{ deadlock, graph, number: deadlocks.length > 1 ? index + 1 : null }}
        />
      ))}
      {!isEmpty && <Causes graph={graph} />}
    </>
  );
}

function Footer({ graph, hidden, isDrawn }: { graph: WaitGraph; hidden: number; isDrawn: boolean }) {
  const said = useWords();
  const words = said.objects;
  const { alone, left } = graph;
  if (!isDrawn && hidden === 0 && left === 0 && alone.length === 0) return null;
  return (
    <footer>
      {isDrawn && (
        <>
          <span className="legend">
            <svg width="30" height="8" aria-hidden="true">
              <path d="M1 4H29" className="edge waits" />
            </svg>
            {words.legendWaits}
          </span>
          <span className="legend">
            <svg width="30" height="8" aria-hidden="true">
              <path d="M1 4H29" className="edge" />
            </svg>
            {words.legendHolds}
          </span>
          <span>{words.legendShapes}</span>
        </>
      )}
      {hidden > 0 && <span>{words.newWaits(count(hidden))}</span>}
      {left > 0 && <span>{words.left(count(left))}</span>}
      {alone.length > 0 && (
        <span>
          {words.alone}:{" "}
          {alone.slice(0, 8).map(({ kind, name, waiting }, index) => (
            <span key={`${kind}/${name}`}>
              {index > 0 && words.comma}
              {kindName(kind, said)} <ObjectLink kind={kind} name={name} /> ({count(waiting)})
            </span>
          ))}
          {alone.length > 8 && `${words.comma}${words.andMore(count(alone.length - 8))}`}. {words.aloneHint}
        </span>
      )}
    </footer>
  );
}

/** The graph in one sentence, for readers of the screen. */
function sentenceOf(graph: WaitGraph, said: ReturnType<typeof useWords>): string {
  const words = said.objects;
  const byId = new Map(graph.participants.map((one) => [one.id, one]));
  const sentences = graph.objects.slice(0, 12).map(({ id, kind, waiting }) => {
    const holders = graph.holds
      .filter(({ object }) => object === id)
      .flatMap(({ participant }) => byId.get(participant) ?? [])
      .map((one) => nameOf(one, said));
    const held = holders.length === 0 ? words.notHeld : words.describeHeldBy(holders.join(words.and));
    return `${kindName(kind, said)} ${objectName(id)}: ${words.waiting(count(waiting))}${words.comma}${held}`;
  });
  const circles = graph.deadlocks.length > 0 ? [words.deadlocks(count(graph.deadlocks.length))] : [];
  return [...circles, ...sentences].join(". ");
}
