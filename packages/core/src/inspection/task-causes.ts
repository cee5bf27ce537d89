import type { Holding, Participant } from "../shared/object/index.ts";
import type { Milliseconds } from "../time/index.ts";
import type { HostRecord } from "../wire/records/records.ts";
import { isServed, slotsOf } from "../work/fleet/index.ts";
import { type HeldBackInTurn, isFinished, type TaskState, type TaskView } from "../work/submission/index.ts";
import type { ObjectView } from "./objects/index.ts";
import type { PoolView } from "./work/index.ts";

/** What a step of a chain waits for, which the next step has. */
export type WaitFor =
  | { what: "object"; kind: string; name: string }
  /** All that may run at once in the pool do. */
  | { what: "pool"; pool: string; running: number; size: number }
  /** All slots of the hosts that serve the pool are busy. */
  | { what: "slot"; pool: string; slots: number };

/** One step on the way from a task to what keeps it. */
export interface CauseStep {
  /** What the step before it waits for; null in the first step. */
  waitsFor: WaitFor | null;
  /** `program`: it runs no task of ours. */
  who: "task" | "program";
  /** Id and name of the task. */
  id: string | null;
  name: string | null;
  /** Null where only its id is known. */
  pool: string | null;
  state: TaskState | null;
  /** Since when it has what the one before waits for, or runs; epoch ms. */
  since: Milliseconds | null;
  host: string | null;
  hostname: string | null;
  pid: number | null;
  session: string | null;
  isAlive: boolean;
}

/**
 * How the chain ends: the last step runs; it `waits` in line, for its time (`delayed`, `backoff`), for a paused pool, for a limit
 * that holds it back (`limited`), or for a host (`unserved`); for an object that no one holds (`signal`: an event, a queue, or a lock on its way); it has ended without giving
 * back what it holds (`lost`); the last steps wait for each other (`deadlock`); or the task has ended.
 */
export type CauseEnding =
  | "runs"
  | "waits"
  | "delayed"
  | "backoff"
  | "paused"
  | "limited"
  | "unserved"
  | "signal"
  | "lost"
  | "deadlock"
  | "finished";

/** Why a task does not go on. */
export interface TaskCauses {
  /** The task itself, then what it waits for, up to the cause. */
  steps: CauseStep[];
  ending: CauseEnding;
  /** What the last step waits for, where no one has it. */
  waitsFor: WaitFor | null;
  /** Of a deadlock: the first step of the circle; the last one waits for it. */
  circleFrom: number | null;
  /** Waits that end when the last step does: how many. */
  waits: number;
  /** When it goes on, epoch ms: a delay, the next start that a rate allows, or the end of a lease; null = not known. */
  until: Milliseconds | null;
  /** The limit that holds it back. */
  limit: HeldBackInTurn | null;
  /** Why no host starts it, and what to do. */
  advice: string | null;
  /** Live hosts that know it and do not take it, such as one that drains: where no host starts it. */
  knowing: { id: string; name: string; state: HostRecord["state"] }[];
}

/** What the chain is read from. */
export interface CauseSources {
  hosts: readonly HostRecord[];
  pool: (name: string) => Promise<PoolView | null>;
  /** Asked only when something that runs is looked at. */
  objects: () => Promise<readonly ObjectView[]>;
}

/** A chain is followed no further than this. */
const LONGEST_CHAIN = 20;

/** Follows what keeps a task, from holder to holder, up to the end. */
export async function findCauses(task: TaskView, sources: CauseSources): Promise<TaskCauses> {
  const first: CauseStep = {
    ...{ waitsFor: null, who: "task", id: task.id, name: task.name, pool: task.pool, state: task.state },
    since: task.state === "active" ? task.startedAt : task.createdAt,
    ...{ host: task.host, hostname: null, pid: task.pid, session: null, isAlive: true },
  };
  const causes: TaskCauses = {
    ...{ steps: [first], ending: "runs", waitsFor: null, circleFrom: null, waits: 0, until: task.dueAt },
    ...{ limit: task.limit, advice: task.blockedBy, knowing: [] },
  };
  if (isFinished(task.state)) return { ...causes, ending: "finished" };
  if (task.state === "blocked" && task.limit) return { ...causes, ending: "limited" };
  if (task.state === "blocked" || task.state === "unknown") {
    return { ...causes, ending: "unserved", knowing: knowingHosts(task, sources.hosts) };
  }
  if (task.state === "delayed") return { ...causes, ending: task.attemptsMade > 0 ? "backoff" : "delayed" };
  if (task.state === "active") return followObjects(causes, await sources.objects());
  const inFront = await whoIsInFront(task, sources);
  if (typeof inFront === "string") return { ...causes, ending: inFront };
  causes.steps.push(inFront);
  return followObjects(causes, await sources.objects());
}

function knowingHosts({ pool, name }: TaskView, hosts: readonly HostRecord[]): TaskCauses["knowing"] {
  return hosts
    .filter((host) => host.tasks.some((task) => task.name === name) && !isServed([host], pool, name))
    .map(({ id, name, state }) => ({ id, name, state }));
}

/** What runs in place of a task that waits: of all that do, the one that has run for longest. */
async function whoIsInFront(
  { pool }: TaskView,
  { hosts, pool: readPool }: CauseSources,
): Promise<CauseStep | "paused" | "waits"> {
  const view = await readPool(pool);
  if (view?.paused) return "paused";
  const serving = hosts.filter((host) => host.pools === null || host.pools.includes(pool));
  const running = serving.flatMap((host) => host.running.map((run) => ({ ...run, host })));
  const slots = slotsOf(hosts, pool);
  const isFull = view !== null && view.size !== null && view.active >= view.size;
  if (!isFull && running.length < slots) return "waits";
  const [oldest] = running
    .filter((run) => !isFull || run.pool === pool)
    .sort((left, right) => left.since - right.since);
  if (!oldest) return "waits";
  const { host } = oldest;
  return {
    waitsFor: isFull
      ? { what: "pool", pool, running: view.active, size: view.size ?? 0 }
      : { what: "slot", pool, slots },
    ...{ who: "task", id: oldest.jobId, name: oldest.task, pool: oldest.pool, state: "active", since: oldest.since },
    ...{ host: host.name, hostname: host.hostname, pid: oldest.pid, session: null, isAlive: true },
  };
}

function followObjects(causes: TaskCauses, objects: readonly ObjectView[]): TaskCauses {
  const { steps } = causes;
  while (steps.length < LONGEST_CHAIN) {
    const last = steps.at(-1) as CauseStep;
    const waits = objects.filter(({ waiters }) => waiters.some((waiter) => isSame(last, waiter)));
    const [object] = [...waits].sort((left, right) => right.holders.length - left.holders.length);
    if (!object) break;
    const waitsFor = { what: "object", kind: object.kind, name: object.name } as const;
    const holder = chooseHolder(object, objects, last);
    if (!holder) return { ...causes, ending: "signal", waitsFor };
    const known = steps.findIndex((step) => isSame(step, holder));
    if (known !== -1) {
      return { ...causes, ending: "deadlock", circleFrom: known, waitsFor, waits: waitsBehind(holder, objects) };
    }
    steps.push(stepOf(holder, waitsFor));
    if (!holder.isAlive) {
      const until = object.leaseLeft === null ? null : Date.now() + object.leaseLeft;
      return { ...causes, ending: "lost", until, waits: waitsBehind(holder, objects) };
    }
  }
  const end = steps.at(-1) as CauseStep;
  const waits = steps.length === 1 ? 0 : waitsBehind(end, objects);
  return { ...causes, ending: "runs", waits };
}

/** Of several holders, one that waits itself: the others go on. */
function chooseHolder(object: ObjectView, objects: readonly ObjectView[], last: CauseStep): Holding | undefined {
  const others = object.holders.filter((holder) => !isSame(last, holder));
  const stuck = others.find((holder) =>
    objects.some(({ waiters, holders }) => holders.length > 0 && waiters.some((waiter) => isSame(waiter, holder))),
  );
  return stuck ?? others[0] ?? object.holders[0];
}

function stepOf(holder: Holding, waitsFor: WaitFor): CauseStep {
  const { task, session, hostname, host, pid, since, isAlive } = holder;
  return {
    waitsFor,
    who: task ? "task" : "program",
    ...{ id: task?.id ?? null, name: task?.name ?? null, pool: null, state: task ? "active" : null },
    ...{ since, host, hostname, pid, session, isAlive },
  };
}

type Someone = Pick<Participant, "session" | "task" | "pid"> | CauseStep;

/** Ids of tasks are unique in their pool only: the process tells them apart. */
function isSame(one: Someone, other: Someone): boolean {
  const [left, right] = [faceOf(one), faceOf(other)];
  if (left.task !== right.task || (left.task === null && left.session !== right.session)) return false;
  if (left.session !== null && right.session !== null) return left.session === right.session;
  return left.pid === null || right.pid === null || left.pid === right.pid;
}

function faceOf(someone: Someone): { task: string | null; session: string | null; pid: number | null } {
  const task = "task" in someone ? (someone.task?.id ?? null) : someone.id;
  return { task, session: someone.session, pid: someone.pid };
}

/** How many wait, directly or behind others, for what someone holds. */
function waitsBehind(holder: Someone, objects: readonly ObjectView[]): number {
  const reached: Someone[] = [holder];
  const waiting = new Set<Participant>();
  for (let at = 0; at < reached.length && reached.length < 1_000; at += 1) {
    const one = reached[at] as Someone;
    for (const { holders, waiters } of objects) {
      if (!holders.some((each) => isSame(each, one))) continue;
      for (const waiter of waiters) {
        if (waiting.has(waiter)) continue;
        waiting.add(waiter);
        if (!reached.some((known) => isSame(known, waiter))) reached.push(waiter);
      }
    }
  }
  return waiting.size;
}
