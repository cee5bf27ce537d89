import type { ProcessView } from "../../../../src/api/types.ts";

/** A line of the tree: a program that started processes, or a process. */
export type TreeRow =
  | { kind: "program"; key: string; depth: 0; name: string; host: string; pid: number }
  | { kind: "process"; key: string; depth: number; process: ProcessView; children: number };

/** Deeper ones stand no further to the right. */
const DEEPEST = 6;

/** Processes below those that started them, and these below the programs that did. The newest first. */
export function treeOf(processes: readonly ProcessView[]): TreeRow[] {
  const known = new Set(processes.map(({ id }) => id));
  const below = new Map<string, ProcessView[]>();
  const programs = new Map<string, { row: TreeRow; roots: ProcessView[] }>();
  for (const process of processes) {
    const { parent } = process;
    if (parent.process !== null && known.has(parent.process)) {
      below.set(parent.process, [...(below.get(parent.process) ?? []), process]);
      continue;
    }
    // Of a parent that is not kept any more, what is known of it stands there.
    const key = `${parent.process ?? ""} ${parent.host} ${parent.pid} ${parent.name}`;
    const { name, host, pid } = parent;
    const program = programs.get(key) ?? { row: { kind: "program", key, depth: 0, name, host, pid }, roots: [] };
    program.roots.push(process);
    programs.set(key, program);
  }
  const rows: TreeRow[] = [];
  const add = (process: ProcessView, depth: number, above: ReadonlySet<string>): void => {
    if (above.has(process.id)) return;
    const children = below.get(process.id) ?? [];
    rows.push({
      kind: "process",
      key: process.id,
      depth: Math.min(depth, DEEPEST),
      process,
      children: children.length,
    });
    for (const child of children) add(child, depth + 1, new Set([...above, process.id]));
  };
  for (const { row, roots } of programs.values()) {
    rows.push(row);
    for (const root of roots) add(root, 1, new Set());
  }
  return rows;
}
