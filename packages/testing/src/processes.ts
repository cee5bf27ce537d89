import { readdirSync, readFileSync } from "node:fs";

/** Whether the process runs; one that ended but was not reaped by its parent does not. */
export function processIsAlive(pid: number): boolean {
  const fields = statusFields(pid);
  if (fields) return fields.state !== "Z" && fields.state !== "X";
  try {
    // Where there is no /proc.
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Pids of the running children of a process. */
export function childPids(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statusFields(pid)?.parent === parent && processIsAlive(pid));
}

/** Pids of the children, their children and so on. */
export function descendantPids(parent: number): number[] {
  return childPids(parent).flatMap((pid) => [pid, ...descendantPids(pid)]);
}

function statusFields(pid: number): { state: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in the second field may hold spaces and brackets.
    const [state = "", parent = ""] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
