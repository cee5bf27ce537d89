import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What the system says of some processes together; all NaN where there is no /proc. */
export interface Usage {
  /** Processor time since their start, seconds. */
  cpu: number;
  /** Resident memory, bytes. */
  memory: number;
}

/** Ticks of /proc in a second. */
const TICKS = 100;
const PAGE = 4_096;

export function usage(pids: readonly number[]): Usage {
  const sum = { cpu: 0, memory: 0 };
  for (const pid of pids) {
    const words = stat(pid);
    if (!words) return { cpu: Number.NaN, memory: Number.NaN };
    sum.cpu += (Number(words[11]) + Number(words[12])) / TICKS;
    sum.memory += Number(words[21]) * PAGE;
  }
  return sum;
}

/** TCP connections that the processes have to a port of this machine. */
export function connections(pids: readonly number[], port: number): number {
  const inodes = new Set<string>();
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of read("/proc/net/tcp").split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[2]?.endsWith(end) && words[3] === "01") inodes.add(words[9] ?? "");
  }
  let count = 0;
  for (const pid of pids) {
    for (const name of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) count += 1;
    }
  }
  return count;
}

/** The process with all that it started, and what those started. */
export function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of list("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(stat(Number(name))?.[1]));
  }
  const members = [pid];
  for (const member of members) {
    for (const [child, parent] of parents) if (parent === member) members.push(child);
  }
  return members;
}

/** The words after the name, which may have spaces. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
