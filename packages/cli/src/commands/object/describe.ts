import { findKind, type ObjectView } from "@manyhands/core/internal";
import { relative } from "../../output/times.ts";

type Participant = ObjectView["waiters"][number];
type Holding = ObjectView["holders"][number];

/** `lock "stock"` */
export function describeObject({ kind, name }: { kind: string; name: string }): string {
  return `${kind} "${name}"`;
}

/** How long an object stays that has a name; one of an unknown kind, until it is removed. */
export function stayOf({ kind }: ObjectView): "until removed" | "1 hour unused" | "while held" {
  return findKind(kind)?.stays ?? "until removed";
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
