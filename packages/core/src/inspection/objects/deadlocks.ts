import type { Holding, Participant } from "../../shared/object/index.ts";
import { memberOf, type ObjectView } from "./object-view.ts";

/** One wait of a circle: a participant waits for an object that the next one holds. */
export interface BlockedWait {
  waiter: Participant;
  object: { kind: string; name: string };
  holder: Holding;
}

/** Participants that wait for each other without end; the last one waits for the first. */
export type Deadlock = readonly BlockedWait[];

/** One wait of a participant. */
export interface Wait {
  waiter: Participant;
  object: ObjectView;
}

/**
 * The circles among those who wait. A participant that waits for nothing goes on, and gives back what it holds; one
 * that waits only for such goes on as well, and so forth. Those that are left wait without end. A participant is one
 * task, or what a program does outside tasks: parts of one program that wait for each other count for one that waits
 * for itself.
 */
export function findDeadlocks(objects: readonly ObjectView[]): Deadlock[] {
  const waits = waitsOf(objects);
  const stuck = findStuck(waits);
  const circles = new Map<string, Deadlock>();
  for (const node of stuck) {
    const circle = followFrom(node, waits, stuck);
    circles.set(circle.map(({ waiter }) => nodeOf(waiter)).join(" "), circle);
  }
  return [...circles.values()];
}

/** Per participant the waits that only holders can end. */
export function waitsOf(objects: readonly ObjectView[]): Map<string, Wait[]> {
  const waits = new Map<string, Wait[]>();
  for (const object of objects) {
    if (object.waitsFor === "unknown" || object.holders.length === 0) continue;
    for (const waiter of object.waiters.filter(({ isAlive }) => isAlive)) {
      const node = nodeOf(waiter);
      const own = waits.get(node);
      if (own) own.push({ waiter, object });
      else waits.set(node, [{ waiter, object }]);
    }
  }
  return waits;
}

/** A circle under a name that stays the same while no participant in it has moved on. */
export function signatureOf(deadlock: Deadlock): string {
  return deadlock
    .map(({ waiter, object, holder }) => `${nodeOf(waiter)} ${memberOf(object)} ${nodeOf(holder)} ${holder.since}`)
    .join("\n");
}

/** Names a participant: one task, or what a program does outside of tasks. */
export function nodeOf({ session, task }: Participant): string {
  return `${session}|${task?.id ?? ""}`;
}

/** Whether a wait cannot end. A dead holder blocks others no longer than its lease. */
export function isBlocked({ object }: Wait, stuck: ReadonlySet<string>): boolean {
  const isStuck = (holder: Holding): boolean => holder.isAlive && stuck.has(nodeOf(holder));
  return object.waitsFor === "any" ? object.holders.every(isStuck) : object.holders.some(isStuck);
}

/** The participants that wait without end. */
export function findStuck(waits: ReadonlyMap<string, readonly Wait[]>): Set<string> {
  const stuck = new Set(waits.keys());
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size;
    for (const node of stuck) {
      if (!waits.get(node)?.some((wait) => isBlocked(wait, stuck))) stuck.delete(node);
    }
  }
  return stuck;
}

/** Goes from holder to holder until one is met again, and gives the circle from its least member on. */
function followFrom(start: string, waits: ReadonlyMap<string, readonly Wait[]>, stuck: ReadonlySet<string>): Deadlock {
  const path: BlockedWait[] = [];
  const places = new Map<string, number>();
  let node = start;
  while (!places.has(node)) {
    places.set(node, path.length);
    const wait = waits.get(node)?.find((one) => isBlocked(one, stuck));
    const holder = wait?.object.holders.find((one) => stuck.has(nodeOf(one)));
    if (!wait || !holder) return [];
    const { kind, name } = wait.object;
    path.push({ waiter: wait.waiter, object: { kind, name }, holder });
    node = nodeOf(holder);
  }
  const circle = path.slice(places.get(node));
  const nodes = circle.map(({ waiter }) => nodeOf(waiter));
  const least = nodes.indexOf([...nodes].sort()[0] ?? "");
  return [...circle.slice(least), ...circle.slice(0, least)];
}
