import type { Holding, ObjectView } from "@manyhands/core/internal";
import { relative } from "../../output/times.ts";

type Participant = ObjectView["waiters"][number];

/** `lock "stock"` */
export function describeObject({ kind, name }: { kind: string; name: string }): string {
  return `${kind} "${name}"`;
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
