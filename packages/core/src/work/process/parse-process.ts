import type { ProcessParent, ProcessRecord, ProcessState } from "../../wire/records/process.ts";
import { faultOfFormat } from "../../wire/records/stored-record.ts";

/** Reads the hash of a process; null when there is none, or none that this version can read. */
export function parseProcess(id: string, fields: Record<string, string>): ProcessRecord | null {
  const { state, parent } = fields;
  if (state === undefined || parent === undefined) return null;
  const parentOf = readParent(parent);
  if (faultOfFormat(Number(fields["format"] ?? 1)) !== null || !STATES.has(state) || !parentOf) return null;
  const number = (name: string): number | null => (fields[name] ? Number(fields[name]) : null);
  return {
    id,
    state: state as ProcessState,
    name: fields["name"] ?? "",
    target: fields["target"] ?? "",
    daemon: fields["daemon"] === "1",
    queue: fields["queue"] ?? "",
    parent: parentOf,
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

const STATES: ReadonlySet<unknown> = new Set<ProcessState>(["waiting", "running", "ended", "lost"]);

function readParent(text: string): ProcessParent | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "client" in value ? (value as ProcessParent) : null;
  } catch {
    return null;
  }
}
