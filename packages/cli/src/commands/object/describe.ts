import type { Holding, ObjectView } from "@manyhands/core/internal";
import { relative } from "../../output/times.ts";

type Participant = ObjectView["waiters"][number];

/** `lock "stock"` */
export function describeObject({ kind, name }: { kind: string; name: string }): string {
  return `${kind} "${name}"`;
}

/** Kinds of which a named object goes after an hour in which it was not used. */
const FORGOTTEN = new Set(["lock", "rlock", "read-write-lock", "condition"]);

/** Whether an object with a name goes by itself, in time; the others stay until they are removed. */
export function isForgotten({ kind, named }: ObjectView): boolean {
  return named && FORGOTTEN.has(kind);
}

/** `task resize k3f9-17, pid 4711 on host web-1` */
export function describeParticipant(participant: Participant): string {
  const { task, pid, host, hostname, session, isAlive } = participant;
  if (!isAlive) return `a program that has ended (session ${session})`;
  const place = host === null ? `on machine ${hostname}` : `on host ${host}`;
  return `${task ? `task ${task.name} ${task.id}, ` : ""}pid ${pid} ${place}`;
}

export function describeHolding(holding: Holding): string {
  const count = holding.count > 1 ? `${holding.count} x ` : "";
  const since = holding.since === null ? "" : `, since ${relative(holding.since)}`;
  return `${count}${describeParticipant(holding)}${since}`;
}
