import type { Participant } from "../../shared/object/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { type Deadlock, findDeadlocks, findStuck, isBlocked, nodeOf, type Wait, waitsOf } from "./deadlocks.ts";
import { memberOf, type ObjectView } from "./object-view.ts";
import { type Exit, exitsOf } from "./ways-out.ts";

/** A task, or what a program does outside of tasks. */
export interface GraphParticipant extends Participant {
  id: string;
}

/** An object that is waited for. */
export interface GraphObject {
  /** "<kind>/<name>" */
  id: string;
  kind: string;
  name: string;
  summary: string;
  waitsFor: ObjectView["waitsFor"];
  leaseLeft: Milliseconds | null;
  /** How many wait for it in all. */
  waiting: number;
  /** How many of them are not among the waits of the graph. */
  more: number;
}

export interface GraphWait {
  participant: string;
  object: string;
  /** In the line of those who wait, from 1. */
  place: number;
  since: Milliseconds | null;
}

export interface GraphHold {
  object: string;
  participant: string;
  count: number;
  since: Milliseconds | null;
}

/** Participants that wait for each other without end. */
export interface GraphDeadlock {
  /** Each waits for what the next one holds; the last for what the first one holds. */
  circle: { participant: string; object: string }[];
  /** Since when it is closed: its youngest wait; null where that is not known. */
  since: Milliseconds | null;
  /** Waits that cannot end before it is broken, those of the circle included. */
  waits: number;
  /** Best first. */
  exits: Exit[];
}

/** What waits come from in the end, where there is no deadlock. */
export interface GraphCause {
  /**
   * `runs`: a participant holds something and waits for nothing; `gone`: its session has ended, and its lease will; `open`:
   * what is waited for any program can bring about, such as an event.
   */
  why: "runs" | "gone" | "open";
  participant: string | null;
  object: string | null;
  /** Waits that lead to it. */
  waits: number;
  /** The oldest of them. */
  since: Milliseconds | null;
}

/** Who waits for what, and who has it. */
export interface WaitGraph {
  participants: GraphParticipant[];
  objects: GraphObject[];
  waits: GraphWait[];
  holds: GraphHold[];
  deadlocks: GraphDeadlock[];
  /** Most waits first. */
  causes: GraphCause[];
  /** Objects that are waited for and that no participant of the graph has or needs, such as events; most waits first. */
  alone: { kind: string; name: string; waiting: number; summary: string }[];
  /** Waits in all, also those for what stands alone. */
  total: number;
  /** Objects that are waited for and are not in the graph, because it would be too large. */
  left: number;
}

/** Objects of one graph, and those who wait for one of them. */
const MOST_OBJECTS = 200;
const MOST_WAITERS = 50;
const MOST_ALONE = 50;

/** The wait graph of these objects, of which those that are not waited for add nothing. */
export function waitGraph(views: readonly ObjectView[]): WaitGraph {
  const waited = views.filter(({ waiters }) => waiters.some(({ isAlive }) => isAlive));
  const waits = waitsOf(waited);
  const stuck = findStuck(waits);
  const held = waited.filter(({ holders }) => holders.length > 0);
  const holding = new Set(held.flatMap(({ holders }) => holders.map(nodeOf)));
  const inChain = waited.filter(
    (view) => view.holders.length > 0 || view.waiters.some((waiter) => waiter.isAlive && holding.has(nodeOf(waiter))),
  );
  const isStuck = ({ holders }: ObjectView): boolean => holders.some((holder) => stuck.has(nodeOf(holder)));
  const chosen = inChain
    .toSorted((one, other) => Number(isStuck(other)) - Number(isStuck(one)) || aliveIn(other) - aliveIn(one))
    .slice(0, MOST_OBJECTS);
  const graph = drawn(chosen, holding);
  const alone = waited.filter((view) => !inChain.includes(view) && !/queue|pipe/.test(view.kind));
  return {
    ...graph,
    deadlocks: findDeadlocks(waited).map((deadlock) => describeDeadlock(deadlock, { views: waited, waits, stuck })),
    causes: causesOf(inChain, stuck),
    alone: alone
      .map((view) => ({ kind: view.kind, name: view.name, waiting: aliveIn(view), summary: view.summary }))
      .toSorted((one, other) => other.waiting - one.waiting)
      .slice(0, MOST_ALONE),
    total: [...inChain, ...alone].reduce((sum, view) => sum + aliveIn(view), 0),
    left: inChain.length - chosen.length,
  };
}

function aliveIn({ waiters }: ObjectView): number {
  return waiters.filter(({ isAlive }) => isAlive).length;
}

function drawn(
  chosen: readonly ObjectView[],
  holding: ReadonlySet<string>,
): Pick<WaitGraph, "participants" | "objects" | "waits" | "holds"> {
  const participants = new Map<string, GraphParticipant>();
  const note = (one: Participant): string => {
    const id = nodeOf(one);
    const { session, hostname, host, pid, task, isAlive, since } = one;
    if (!participants.has(id)) participants.set(id, { id, session, hostname, host, pid, task, isAlive, since });
    return id;
  };
  const objects: GraphObject[] = [];
  const waits: GraphWait[] = [];
  const holds: GraphHold[] = [];
  for (const view of chosen) {
    const id = memberOf(view);
    const { kind, name, summary, waitsFor, leaseLeft } = view;
    const line = view.waiters.filter(({ isAlive }) => isAlive);
    // In a line for an event that a holder waits for, the others are no part of the chain.
    const listed = line.flatMap((waiter, index) => {
      const isChained = holding.has(nodeOf(waiter));
      return isChained || (index < MOST_WAITERS && view.holders.length > 0) ? [{ waiter, place: index + 1 }] : [];
    });
    for (const { waiter, place } of listed)
      waits.push({ participant: note(waiter), object: id, place, since: waiter.since });
    for (const holder of view.holders)
      holds.push({ object: id, participant: note(holder), count: holder.count, since: holder.since });
    objects.push({
      ...{ id, kind, name, summary, waitsFor, leaseLeft },
      waiting: line.length,
      more: line.length - listed.length,
    });
  }
  return { participants: [...participants.values()], objects, waits, holds };
}

interface Situation {
  views: readonly ObjectView[];
  waits: ReadonlyMap<string, readonly Wait[]>;
  stuck: ReadonlySet<string>;
}

function describeDeadlock(deadlock: Deadlock, situation: Situation): GraphDeadlock {
  const members = new Set(deadlock.map(({ waiter }) => nodeOf(waiter)));
  const since = deadlock.map(({ waiter }) => waiter.since);
  const behind = nodesBehind(members, situation);
  return {
    circle: deadlock.map(({ waiter, object }) => ({ participant: nodeOf(waiter), object: memberOf(object) })),
    since: since.every((one) => one !== null) ? Math.max(...since) : null,
    waits: [...behind].reduce((sum, node) => sum + (situation.waits.get(node)?.length ?? 0), 0),
    exits: exitsOf(deadlock, situation),
  };
}

/** Those whose waits cannot end before that of a member does. */
function nodesBehind(members: ReadonlySet<string>, { waits, stuck }: Situation): Set<string> {
  const behind = new Set(members);
  for (let before = 0; before !== behind.size; ) {
    before = behind.size;
    for (const node of stuck) {
      const isBehind = waits
        .get(node)
        ?.some((wait) => isBlocked(wait, stuck) && wait.object.holders.some((holder) => behind.has(nodeOf(holder))));
      if (isBehind) behind.add(node);
    }
  }
  return behind;
}

/** What the waits come from that no deadlock holds up. */
function causesOf(views: readonly ObjectView[], stuck: ReadonlySet<string>): GraphCause[] {
  const waitedFor = new Map<string, ObjectView[]>();
  for (const view of views) {
    for (const waiter of view.waiters.filter(({ isAlive }) => isAlive)) {
      const node = nodeOf(waiter);
      waitedFor.set(node, [...(waitedFor.get(node) ?? []), view]);
    }
  }
  const causes = new Map<string, GraphCause>();
  const ends = new Map<ObjectView, Set<string>>();
  const cause = (why: GraphCause["why"], end: { participant: string | null; object: string | null }): string => {
    const id = `${why} ${end.participant ?? end.object}`;
    if (!causes.has(id)) causes.set(id, { why, ...end, waits: 0, since: null });
    return id;
  };
  const endsOf = (view: ObjectView): Set<string> => {
    const known = ends.get(view);
    if (known) return known;
    const found = new Set<string>();
    // Set before it is complete, because what waits in a circle comes back here.
    ends.set(view, found);
    if (view.waitsFor === "unknown" || view.holders.length === 0) {
      found.add(cause("open", { participant: null, object: memberOf(view) }));
      return found;
    }
    for (const holder of view.holders) {
      const node = nodeOf(holder);
      if (stuck.has(node) && holder.isAlive) continue;
      const next = holder.isAlive ? (waitedFor.get(node) ?? []) : [];
      if (next.length === 0)
        found.add(cause(holder.isAlive ? "runs" : "gone", { participant: node, object: memberOf(view) }));
      for (const other of next) if (other !== view) for (const end of endsOf(other)) found.add(end);
    }
    return found;
  };
  for (const view of views) {
    const isChain = view.holders.length > 0;
    for (const waiter of view.waiters.filter(({ isAlive }) => isAlive)) {
      if (!isChain || stuck.has(nodeOf(waiter))) continue;
      for (const id of endsOf(view)) {
        const found = causes.get(id);
        if (!found) continue;
        found.waits += 1;
        if (waiter.since !== null) found.since = Math.min(found.since ?? waiter.since, waiter.since);
      }
    }
  }
  return [...causes.values()].filter(({ waits }) => waits > 0).toSorted((one, other) => other.waits - one.waits);
}
