/** The queue of processes that may run on any host. */
export const PROCESSES = "processes";

/** Where a process is to run: on the host of that name, or on any with that label. */
export type Placement = string | { label: string };

/** The queue that holds the processes of a placement; null = any host. */
export function processQueue(placement: Placement | null): string {
  if (placement === null) return PROCESSES;
  if (typeof placement === "string") return `${PROCESSES}.host.${encodeURIComponent(placement)}`;
  return `${PROCESSES}.label.${encodeURIComponent(placement.label)}`;
}

export function isProcessQueue(queue: string): boolean {
  return queue === PROCESSES || queue.startsWith(`${PROCESSES}.`);
}

/** For messages: "as a process on host "left"". */
export function describeProcessQueue(queue: string): string {
  const [, kind, name = ""] = /^processes\.(host|label)\.(.*)$/.exec(queue) ?? [];
  if (kind === undefined) return "as a process";
  return `as a process on ${kind === "host" ? "host" : "a host with label"} "${decodeURIComponent(name)}"`;
}
