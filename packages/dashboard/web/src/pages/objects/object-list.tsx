import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { ObjectView, WaitGraph } from "../../../../src/api/types.ts";
import { Glyph, type GlyphName } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { wholeDuration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { useNow } from "../../live/clock.ts";
import type { ObjectSearch } from "../../router.tsx";
import { useWords } from "../../words/index.ts";
import { kindName, nameOf } from "./names.ts";

/** An object in the list. */
export interface Listed {
  kind: string;
  name: string;
  summary: string;
  holders: readonly ObjectView["holders"][number][];
  waiting: number;
  /** Of the oldest wait. */
  since: number | null;
}

export function listedOf(view: ObjectView): Listed {
  const { kind, name, summary, holders } = view;
  const waiters = view.waiters.filter(({ isAlive }) => isAlive);
  return { kind, name, summary, holders, waiting: waiters.length, since: oldest(waiters) };
}

/** The objects of the graph, as the list shows them: those of deadlocks first. */
export function listedOfGraph(graph: WaitGraph): Listed[] {
  const byId = new Map(graph.participants.map((one) => [one.id, one]));
  const stuck = stuckObjects(graph);
  return graph.objects
    .map((object) => ({
      ...{ kind: object.kind, name: object.name, summary: object.summary, waiting: object.waiting, id: object.id },
      holders: graph.holds
        .filter((hold) => hold.object === object.id)
        .flatMap((hold) => {
          const one = byId.get(hold.participant);
          return one ? [{ ...one, since: hold.since, count: hold.count }] : [];
        }),
      since: oldest(graph.waits.filter((wait) => wait.object === object.id)),
    }))
    .toSorted((one, other) => Number(stuck.has(other.id)) - Number(stuck.has(one.id)) || (one.id < other.id ? -1 : 1));
}

export function stuckObjects(graph: WaitGraph | undefined): Set<string> {
  return new Set(graph?.deadlocks.flatMap(({ circle }) => circle.map(({ object }) => object)));
}

function oldest(waits: readonly { since: number | null }[]): number | null {
  const since = waits.flatMap((wait) => wait.since ?? []);
  return since.length === 0 ? null : Math.min(...since);
}

export function idOf({ kind, name }: { kind: string; name: string }): string {
  return `${kind}/${name}`;
}

/** List and chosen thing: the arrows go from one to the next. */
export function ObjectList(props: {
  objects: readonly Listed[];
  chosen: string | null;
  stuck: ReadonlySet<string>;
  more: ReactNode;
}) {
  const { objects, chosen, stuck, more } = props;
  const { objects: words } = useWords();
  const list = useRef<HTMLUListElement>(null);
  const isListed = objects.some((object) => idOf(object) === chosen);
  useEffect(() => {
    if (chosen !== null && isListed && list.current) bringIntoView(list.current);
  }, [chosen, isListed]);
  return (
    <div className="list-col card">
      <ul className="pick" ref={list} aria-label={words.listLabel} onKeyDown={goOn}>
        {objects.map((object) => (
          <Entry
            key={idOf(object)}
            object={object}
            isChosen={idOf(object) === chosen}
            isStuck={stuck.has(idOf(object))}
          />
        ))}
      </ul>
      {more}
    </div>
  );
}

/** The list scrolls within itself, and the page stays where it is. */
function bringIntoView(list: HTMLElement): void {
  const entry = list.querySelector("[aria-current]")?.getBoundingClientRect();
  if (!entry) return;
  const { top, bottom } = list.getBoundingClientRect();
  if (entry.top < top) list.scrollTop -= top - entry.top;
  else if (entry.bottom > bottom) list.scrollTop += Math.min(entry.bottom - bottom, entry.top - top);
}

function goOn(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const next = links[links.indexOf(document.activeElement as HTMLAnchorElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function Entry({ object, isChosen, isStuck }: { object: Listed; isChosen: boolean; isStuck: boolean }) {
  const said = useWords();
  const words = said.objects;
  const now = useNow();
  const { kind, name, holders, waiting, summary, since } = object;
  const [first] = holders;
  const held =
    first?.since === null || first?.since === undefined ? "" : `${words.comma}${wholeDuration(now - first.since)}`;
  const left = first
    ? holders.length === 1
      ? `${words.heldBy} ${nameOf(first, said)}${held}`
      : visible(summary)
    : visible(summary);
  const longest = since === null ? "" : `${words.comma}${words.longest(wholeDuration(now - since))}`;
  const state = isStuck ? "deadlock" : first ? "held" : "";
  return (
    <li>
      <Link
        to="/objects"
        search={(before: ObjectSearch) => ({ ...before, object: idOf(object) })}
        aria-current={isChosen ? "true" : undefined}
        activeProps={{}}
        resetScroll={false}
      >
        <span className="top">
          <span className={`state ${state}`}>
            <Glyph name={isStuck ? "deadlock" : glyphOf(kind, first !== undefined)} />
          </span>
          <b>
            <bdi>{visible(name)}</bdi>
          </b>
          <span className="soft push">{kindName(kind, said)}</span>
        </span>
        <span className="meta">
          <span>{left}</span>
          {(waiting > 0 || first) && (
            <span className="push">
              {words.waiting(count(waiting))}
              {waiting > 0 && longest}
            </span>
          )}
        </span>
        {isStuck && <span className="hidden">{words.describeDeadlock}</span>}
      </Link>
    </li>
  );
}

/** The shape of each kind of object. */
export function glyphOf(kind: string, isHeld: boolean): GlyphName {
  switch (kind) {
    case "lock":
    case "rlock":
    case "read-write-lock":
      return isHeld ? "held" : "free";
    case "semaphore":
    case "rate-limiter":
      return "permits";
    case "event":
      return "flag";
    case "condition":
      return "bell";
    case "barrier":
    case "count-down-latch":
      return "gate";
    case "queue":
    case "simple-queue":
    case "joinable-queue":
      return "queue";
    case "pipe":
      return "pipe";
    case "manager":
      return "manager";
    case "dict":
    case "namespace":
    case "registered":
      return "braces";
    case "list":
    case "set":
    case "array":
      return "brackets";
    default:
      return "value";
  }
}
