import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ObjectView, WaitGraph } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Empty, Reading } from "../../components/page.tsx";
import { Glyph, State } from "../../components/state.tsx";
import { Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { wholeDuration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { useWords } from "../../words/index.ts";
import { kindName, nameOf, nodeOf, objectName } from "./names.ts";
import { ObjectActions, ReleaseOne, StopWait } from "./object-actions.tsx";
import { Contents, holdsContents } from "./object-contents.tsx";
import { ObjectFacts } from "./object-facts.tsx";
import { stuckObjects } from "./object-list.tsx";
import { Who } from "./who.tsx";

/** One object: who has it, who waits for it, what it holds, and what can be done to it. */
export function ObjectDetail({ id, graph }: { id: string; graph: WaitGraph | undefined }) {
  const said = useWords();
  const slash = id.indexOf("/");
  const [kind, name] = [id.slice(0, slash), id.slice(slash + 1)];
  const object = useQuery(
    reading<ObjectView>(pathOf("objects", kind, name), { topics: [`objects/${kind}/${name}`], every: 2_000 }),
  );
  if (object.error instanceof ApiProblem && object.error.status === 404) {
    return (
      <Empty title={said.objects.gone(kindName(kind, said), visible(name))}>
        <p>{said.objects.goneHint}</p>
      </Empty>
    );
  }
  return (
    <Reading of={object} rows={6}>
      {(view) => <Detail object={view} graph={graph} />}
    </Reading>
  );
}

function Detail({ object, graph }: { object: ObjectView; graph: WaitGraph | undefined }) {
  const said = useWords();
  const words = said.objects;
  const { kind, name, holders } = object;
  const id = `${kind}/${name}`;
  const [first] = holders;
  const isStuck = stuckObjects(graph).has(id);
  const isLock = /lock$/.test(kind);
  return (
    <section className="card object" aria-label={`${kindName(kind, said)} ${visible(name)}`}>
      <header>
        <h2>
          <bdi>{visible(name)}</bdi>
        </h2>
        <span className="soft">{kindName(kind, said)}</span>
        {isStuck ? (
          <State name="deadlock" pill />
        ) : first && isLock ? (
          <State name="held" pill>
            {holders.length === 1 && first.since !== null ? <HeldFor since={first.since} /> : words.held}
          </State>
        ) : (
          isLock && <State name="free" pill />
        )}
        <ObjectActions object={object} />
      </header>
      <div className="body">
        <ObjectFacts object={object} />
      </div>
      <Notes object={object} graph={graph} />
      {holders.length > 0 && (holders.length > 1 || !/^r?lock$/.test(kind)) && <Holders object={object} />}
      {lines(object, words).map(({ title, line }) => (
        <Line key={title} title={title} line={line} kind={kind} />
      ))}
      {holdsContents(kind) && <Contents key={id} object={object} />}
    </section>
  );
}

function HeldFor({ since }: { since: number }) {
  const { objects: words } = useWords();
  const [before = "", after = ""] = words.heldFor("|").split("|");
  return (
    <>
      {before}
      <Lasting since={since} />
      {after}
    </>
  );
}

type Waiter = ObjectView["waiters"][number] & { mode?: string; permits?: number };

/** Who waits, in order; for a queue and a pipe a line for each thing that is waited for. */
function lines(object: ObjectView, words: ReturnType<typeof useWords>["objects"]): { title: string; line: Waiter[] }[] {
  const state = (object.state ?? {}) as Record<string, unknown>;
  const of = (list: unknown): Waiter[] => (Array.isArray(list) ? (list as Waiter[]) : []);
  if (/queue/.test(object.kind)) {
    return [
      { title: words.getters, line: of(state["getters"]) },
      { title: words.putters, line: of(state["putters"]) },
      { title: words.joiners, line: of(state["joiners"]) },
    ].flatMap(({ title, line }) => (line.length === 0 ? [] : [{ title: title(count(line.length)), line }]));
  }
  if (object.kind === "pipe") {
    const ends = of(state["ends"]) as unknown as { readers: Waiter[] }[];
    return ends.flatMap(({ readers }, index) =>
      readers.length === 0 ? [] : [{ title: words.receivers(String(index + 1), count(readers.length)), line: readers }],
    );
  }
  // The state says more of each: the side of a read-write lock, the permits of a semaphore.
  const detailed = of(state["waiters"]);
  const line = detailed.length === object.waiters.length ? detailed : (object.waiters as Waiter[]);
  if (line.length === 0) return [];
  return [{ title: line.length === 1 ? words.oneWaits : words.linedUp(count(line.length)), line }];
}

const SHOWN = 20;

function Line({ title, line, kind }: { title: string; line: readonly Waiter[]; kind: string }) {
  const { objects: words } = useWords();
  const [shown, setShown] = useState(SHOWN);
  const left = line.length - shown;
  return (
    <>
      <header className="part">
        <h3>{title}</h3>
      </header>
      <ol className="line-up">
        {line.slice(0, shown).map((waiter, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: one may wait twice
          <li key={`${nodeOf(waiter)} ${waiter.since} ${index}`}>
            <div>
              <Who one={waiter} where />
              {waiter.mode && (
                <span className="soft"> {waiter.mode === "write" ? words.wantsWrite : words.wantsRead}</span>
              )}
              {kind === "semaphore" && (waiter.permits ?? 1) > 1 && (
                <span className="soft">{`${words.comma}${words.wantsPermits(count(waiter.permits ?? 1))}`}</span>
              )}
            </div>
            <span className="row act">
              {waiter.since !== null && (
                <span className="soft nowrap">
                  <Lasting since={waiter.since} />
                </span>
              )}
              <StopWait waiter={waiter} />
            </span>
          </li>
        ))}
      </ol>
      {left > 0 && (
        <footer className="part">
          <Button size="small" onClick={() => setShown(shown + 200)}>
            {words.more(count(Math.min(left, 200)))}
          </Button>
        </footer>
      )}
    </>
  );
}

function Holders({ object }: { object: ObjectView }) {
  const { objects: words } = useWords();
  const [shown, setShown] = useState(SHOWN);
  const left = object.holders.length - shown;
  return (
    <>
      <header className="part">
        <h3>{words.holders}</h3>
      </header>
      <ul className="line-up unordered">
        {object.holders.slice(0, shown).map((holder, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: one may hold it twice
          <li key={`${nodeOf(holder)} ${holder.since} ${index}`}>
            <div>
              <Who one={holder} where />
              {object.kind === "semaphore" && (
                <span className="soft">{`${words.comma}${words.permitsOf(count(holder.count))}`}</span>
              )}
            </div>
            <span className="row act">
              {holder.since !== null && (
                <span className="soft nowrap">
                  <Lasting since={holder.since} />
                </span>
              )}
              <ReleaseOne object={object} holder={holder} />
            </span>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <footer className="part">
          <Button size="small" onClick={() => setShown(shown + 200)}>
            {words.more(count(Math.min(left, 200)))}
          </Button>
        </footer>
      )}
    </>
  );
}

/** What is not as it should be, and what it means for what can be pressed. */
function Notes({ object, graph }: { object: ObjectView; graph: WaitGraph | undefined }) {
  const said = useWords();
  const words = said.objects;
  const { holders, leaseLeft, lease, owner, summary, state, name } = object;
  const [holder] = holders;
  const notes: { look: string; icon: ReactNode; text: ReactNode }[] = [];
  const add = (look: "warn" | "bad", text: ReactNode): void => {
    notes.push({ look, icon: <Glyph name={look === "bad" ? "failed" : "warn"} />, text });
  };
  if (owner !== null && !owner.isAlive) {
    add(
      "bad",
      <>
        <b>{words.orphan}</b> {words.orphanHint}
      </>,
    );
  }
  if (/^cannot be read/.test(summary)) {
    add(
      "bad",
      <>
        <b>{words.unreadable}</b> {visible(summary)}
      </>,
    );
  } else if (state === null) add("warn", words.unknownKind);
  if (holder && !holder.isAlive && leaseLeft !== null) add("warn", words.holderGone(wholeDuration(leaseLeft)));
  const waits = holder?.isAlive ? graph?.waits.filter(({ participant }) => participant === nodeOf(holder)) : undefined;
  if (holder && waits && waits.length > 0 && holders.length === 1) {
    const what = waits.map(({ object: id }) => objectName(id)).join(words.and);
    add(
      "warn",
      <>
        {words.holderWaits(nameOf(holder, said), what)} {words.holderWaitsHint(visible(name))}
      </>,
    );
  }
  if (holder?.isAlive && lease !== null && leaseLeft !== null && leaseLeft < lease / 2) {
    add("warn", words.leaseLate(wholeDuration((lease * 2) / 3 - leaseLeft)));
  }
  if (notes.length === 0) return null;
  return (
    <div className="body notes">
      {notes.map(({ look, icon, text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: notes have their order
        <div key={index} className={`note ${look}`}>
          {icon}
          <div>{text}</div>
        </div>
      ))}
    </div>
  );
}
