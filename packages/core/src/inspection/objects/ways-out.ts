import type { Holding, Participant } from "../../shared/object/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { type Deadlock, findStuck, nodeOf, type Wait, waitsOf } from "./deadlocks.ts";
import { memberOf, type ObjectView } from "./object-view.ts";

/** What breaks a deadlock, and what comes of it. */
export interface Exit {
  participant: string;
  /** A task is cancelled; from a program, what it holds is taken back. */
  how: "cancel" | "release";
  /** Waits that end in the end, one after the other. */
  frees: number;
  /** Waits that stay without end, because of another deadlock. */
  left: number;
  /** What comes free, and who gets it next; null = it stays free. */
  next: { object: string; participant: string | null }[];
  /** Since when it holds something of this, ms: the later, the less work is lost. */
  heldSince: Milliseconds | null;
}

interface Situation {
  views: readonly ObjectView[];
  waits: ReadonlyMap<string, readonly Wait[]>;
  stuck: ReadonlySet<string>;
}

/** Ways out of one deadlock that are worth a choice. */
const MOST_EXITS = 10;

/** The ways out of a deadlock. Best first: what frees most, then a task, then the one of which least work is lost. */
export function exitsOf(deadlock: Deadlock, situation: Situation): Exit[] {
  const members = new Map(deadlock.map(({ waiter }) => [nodeOf(waiter), waiter]));
  return [...members.values()]
    .slice(0, MOST_EXITS)
    .map((member) => exitBy(member, situation))
    .toSorted(
      (one, other) =>
        other.frees - one.frees ||
        Number(other.how === "cancel") - Number(one.how === "cancel") ||
        (other.heldSince ?? 0) - (one.heldSince ?? 0),
    );
}

function exitBy(member: Participant, { views, waits, stuck }: Situation): Exit {
  const node = nodeOf(member);
  const how = member.task === null ? "release" : "cancel";
  const next: Exit["next"] = [];
  const held: number[] = [];
  const after = views.map((view) => {
    for (const holder of view.holders) if (nodeOf(holder) === node && holder.since !== null) held.push(holder.since);
    const left = without(view, node, how);
    if (left.holders.length > 0 || view.holders.length === 0) return left;
    const granted = grantNext(left);
    next.push({ object: memberOf(view), participant: granted.first === null ? null : nodeOf(granted.first) });
    return granted.view;
  });
  const stuckAfter = findStuck(waitsOf(after));
  const others = [...stuck].filter((one) => one !== node);
  const before = others.reduce((sum, one) => sum + (waits.get(one)?.length ?? 0), 0);
  const waitsAfter = waitsOf(after);
  const left = others.reduce((sum, one) => sum + (stuckAfter.has(one) ? (waitsAfter.get(one)?.length ?? 0) : 0), 0);
  return {
    ...{ participant: node, how, next, left },
    frees: before - left,
    heldSince: held.length === 0 ? null : Math.min(...held),
  };
}

/** The object as it is when the participant is no more, or has been taken what it holds. */
function without(view: ObjectView, node: string, how: Exit["how"]): ObjectView {
  const isOther = (one: Participant): boolean => nodeOf(one) !== node;
  return {
    ...view,
    holders: view.holders.filter(isOther),
    waiters: how === "cancel" ? view.waiters.filter(isOther) : view.waiters,
  };
}

/** The first that lives in the line gets it. */
function grantNext(view: ObjectView): { view: ObjectView; first: Participant | null } {
  const place = view.waiters.findIndex(({ isAlive }) => isAlive);
  const first = view.waiters[place];
  if (first === undefined) return { view, first: null };
  const holder: Holding = { ...first, count: 1 };
  return { view: { ...view, holders: [holder], waiters: view.waiters.toSpliced(place, 1) }, first };
}
