import type { ProcessParent, ProcessRecord, ProcessState } from "../protocol/process.ts";

/** Reads the hash of a process; null when there is none. */
export function parseProcess(id: string, fields: Record<string, string>): ProcessRecord | null {
  const { state, parent } = fields;
  if (state === undefined || parent === undefined) return null;
  const number = (name: string): number | null => (fields[name] ? Number(fields[name]) : null);
  return {
    id,
    state: state as ProcessState,
    name: fields["name"] ?? "",
    target: fields["target"] ?? "",
    daemon: fields["daemon"] === "1",
    queue: fields["queue"] ?? "",
    parent: JSON.parse(parent) as ProcessParent,
    host: fields["host"] ?? "",
    hostId: fields["hostId"] ?? "",
    pid: number("pid"),
    exitcode: number("exitcode"),
    lost: fields["lost"] || null,
    createdAt: Number(fields["createdAt"] ?? 0),
    startedAt: number("startedAt"),
    endedAt: number("endedAt"),
    stdout: fields["stdout"] ?? "",
    stderr: fields["stderr"] ?? "",
  };
}
