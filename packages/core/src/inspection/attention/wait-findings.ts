import type { Holding, Participant } from "../../shared/object/index.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { type Deadlock, findDeadlocks, type ObjectView, signatureOf } from "../objects/index.ts";
import type { Actor, AttentionFinding } from "./finding.ts";

/** A lock that is held for so long while others wait is told; after the second time it needs somebody now, ms. */
const HELD_LONG = 8_000;
const HELD_TOO_LONG = 300_000;
/** Who waits for each other still does after this, ms; what merely changes hands does not. */
const LASTING = 1_000;

/** Deadlocks that were met, by their signatures: when, epoch ms. */
export type MetDeadlocks = Map<string, number>;

export interface WaitFindings {
  findings: AttentionFinding[];
  /** When there may be more to find although nothing changes, epoch ms. */
  lookAgainAt: number | null;
}

/** Who waits for whom without end, or for long: a circle is one finding, with all that waits behind it. */
export function waitFindings(
  objects: readonly ObjectView[],
  { hosts, at, met }: { hosts: readonly HostRecord[]; at: number; met: MetDeadlocks },
): WaitFindings {
  const waits = objects.filter(({ waitsFor, holders }) => waitsFor !== "unknown" && holders.length > 0);
  const circles = findDeadlocks(objects).filter(({ length }) => length > 1);
  const signatures = new Set(circles.map(signatureOf));
  for (const signature of met.keys()) if (!signatures.has(signature)) met.delete(signature);
  for (const signature of signatures) if (!met.has(signature)) met.set(signature, at);
  const isLasting = (circle: Deadlock): boolean => at - (met.get(signatureOf(circle)) ?? at) >= LASTING;
  const lasting = circles.filter(isLasting);
  const caught = new Set(lasting.flat().map(({ waiter }) => nodeOf(waiter)));
  const held = waits.flatMap((object) => heldFor(object, { waits, caught, at }));
  const due = held.filter(({ since }) => at - since >= HELD_LONG);
  const times = [
    ...(circles.length > lasting.length ? [at + LASTING] : []),
    ...held.flatMap(({ since }) => [since + HELD_LONG, since + HELD_TOO_LONG]).filter((time) => time > at),
  ];
  return {
    findings: [
      ...lasting.map((circle) => deadlockFinding(circle, { waits, hosts, at })),
      ...due.map(({ object, holder, since }): AttentionFinding => {
        const behind = waitersBehind([nodeOf(holder)], waits);
        return {
          kind: "lock-held",
          level: at - since >= HELD_TOO_LONG ? "now" : "soon",
          since,
          object: { kind: object.kind, name: object.name },
          holder: actorOf(holder),
          waiters: behind.length,
          pools: poolsOf(behind, hosts),
          usual: usualOf(object),
        };
      }),
    ],
    lookAgainAt: times.length === 0 ? null : Math.min(...times),
  };
}

/** Of a lock. */
function usualOf({ state }: ObjectView): number | null {
  const usual = (state as { usualHold?: number | null } | null)?.usualHold;
  return usual ?? null;
}

/** Tasks that run and wait for an object at present, by where they run. */
export function waitingTasks(objects: readonly ObjectView[]): { host: string | null; id: string }[] {
  const found = new Map<string, { host: string | null; id: string }>();
  for (const waiter of objects.flatMap(({ waiters }) => waiters)) {
    if (waiter.isAlive && waiter.task) found.set(nodeOf(waiter), { host: waiter.host, id: waiter.task.id });
  }
  return [...found.values()];
}

/** Holders that wait for nothing themselves: where one does, what it waits for is the cause. */
function heldFor(
  object: ObjectView,
  { waits, caught, at }: { waits: readonly ObjectView[]; caught: ReadonlySet<string>; at: number },
): { object: ObjectView; holder: Holding; since: number }[] {
  const [holder] = object.holders;
  const isWaiting = (node: string): boolean => waits.some(({ waiters }) => waiters.some((one) => nodeOf(one) === node));
  if (!holder || object.kind === "semaphore" || !object.waiters.some(({ isAlive }) => isAlive)) return [];
  if (caught.has(nodeOf(holder)) || isWaiting(nodeOf(holder))) return [];
  return [{ object, holder, since: holder.since ?? at }];
}

function deadlockFinding(
  circle: Deadlock,
  { waits, hosts, at }: { waits: readonly ObjectView[]; hosts: readonly HostRecord[]; at: number },
): AttentionFinding {
  const nodes = circle.map(({ waiter }) => nodeOf(waiter));
  const behind = waitersBehind(nodes, waits);
  const others = behind.filter((waiter) => !nodes.includes(nodeOf(waiter)));
  return {
    kind: "deadlock",
    level: "now",
    // It began when the last of them took what the next one waits for, or soon after.
    since: Math.max(0, ...circle.map(({ holder }) => holder.since ?? 0)) || at,
    waits: circle.map(({ waiter, object, holder }) => ({ waiter: actorOf(waiter), object, holder: actorOf(holder) })),
    behind: others.length,
    pools: poolsOf(behind, hosts),
  };
}

/** All that wait for these, and for those who wait for them, and so forth. */
function waitersBehind(nodes: readonly string[], waits: readonly ObjectView[]): Participant[] {
  const reached = new Set(nodes);
  const found = new Map<string, Participant>();
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { holders, waiters } of waits) {
      if (!holders.some((holder) => reached.has(nodeOf(holder)))) continue;
      for (const waiter of waiters.filter(({ isAlive }) => isAlive)) {
        reached.add(nodeOf(waiter));
        found.set(nodeOf(waiter), waiter);
      }
    }
  }
  return [...found.values()];
}

/** Pools all of whose running tasks are among these. */
function poolsOf(waiters: readonly Participant[], hosts: readonly HostRecord[]): string[] {
  const ids = new Set(waiters.flatMap(({ task }) => task?.id ?? []));
  const running = hosts.flatMap((host) => host.running);
  const pools = [...new Set(running.filter(({ jobId }) => ids.has(jobId)).map(({ pool }) => pool))];
  return pools.filter((pool) => running.every((run) => run.pool !== pool || ids.has(run.jobId))).sort();
}

function nodeOf({ session, task }: Participant): string {
  return `${session}|${task?.id ?? ""}`;
}

function actorOf({ session, host, hostname, pid, task }: Participant): Actor {
  return { session, host: host ?? hostname, pid, task };
}
