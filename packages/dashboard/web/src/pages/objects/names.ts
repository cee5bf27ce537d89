import type { ObjectView, WaitGraph } from "../../../../src/api/types.ts";
import { shortened, visible } from "../../format/visible.ts";
import type { Words } from "../../words/index.ts";

type Participant = ObjectView["waiters"][number];
export type GraphNode = WaitGraph["participants"][number];

/** "stock.move b27d": the end of an id is enough to tell the calls of a task apart. */
export function nameOf({ task, hostname, host }: Pick<Participant, "task" | "hostname" | "host">, said: Words): string {
  if (task === null) return said.objects.program(visible(host ?? hostname ?? said.objects.unknownHost));
  return `${shortened(task.name, 60)} ${shortId(task.id)}`;
}

export function shortId(id: string): string {
  const [job = "", ...unit] = visible(id).split(".");
  const end = job.length > 8 ? job.slice(-4) : job;
  return [end, ...unit].join(".");
}

/** Where it runs: "oslo, pid 4131". */
export function placeOf({ host, hostname, pid }: Pick<Participant, "host" | "hostname" | "pid">, said: Words): string {
  const where = visible(host ?? hostname ?? said.objects.unknownHost);
  return pid === null ? where : `${where}, ${said.objects.pid(String(pid))}`;
}

/** What it is and where: "task on oslo, pid 4131". */
export function describe(one: Participant, said: Words): string {
  const where = visible(one.host ?? one.hostname ?? said.objects.unknownHost);
  const pid = one.pid === null ? "?" : String(one.pid);
  return one.task === null ? said.objects.programOn(where, pid) : said.objects.taskOn(where, pid);
}

/** The kind of an object in a sentence. */
export function kindName(kind: string, said: Words): string {
  return said.objects.kind[kind] ?? visible(kind);
}

/** The name of an object of a graph, by its id "<kind>/<name>". */
export function objectName(id: string): string {
  return visible(id.slice(id.indexOf("/") + 1));
}

/** Names a participant as the wait graph does. */
export function nodeOf({ session, task }: Pick<Participant, "session" | "task">): string {
  return `${session}|${task?.id ?? ""}`;
}
