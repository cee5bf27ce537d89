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
  const placement = placementOf(queue);
  if (placement === null) return "as a process";
  return typeof placement === "string"
    ? `as a process on host "${placement}"`
    : `as a process on a host with label "${placement.label}"`;
}

/** What a queue of processes asks of a host; null = nothing. */
export function placementOf(queue: string): Placement | null {
  const [, kind, encoded = ""] = /^processes\.(host|label)\.(.*)$/.exec(queue) ?? [];
  if (kind === undefined) return null;
  const name = decoded(encoded);
  return kind === "host" ? name : { label: name };
}

/** Other programs may name queues as they like. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What "manyhands worker" has to be told besides its tasks so that it serves a queue of processes, with a space before. */
export function hostOptionsFor(queue: string): string {
  const placement = placementOf(queue);
  if (placement === null) return "";
  const word = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : JSON.stringify(text));
  return typeof placement === "string" ? ` --name ${word(placement)}` : ` --labels ${word(placement.label)}`;
}
