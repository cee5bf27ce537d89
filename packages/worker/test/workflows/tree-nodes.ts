import type { WorkflowNode } from "@manyhands/core/internal";
import type { JobsOptions } from "bullmq";

/** A workflow as tests write it. */
export type Tree =
  | { task: string; args?: unknown[]; pool?: string; takesResult?: boolean; options?: JobsOptions }
  | { chain: Tree[] }
  | { group: Tree[]; errors?: "fail" | "return" };

const NO_OPTIONS: JobsOptions = {};

/** Its nodes, numbered level by level. */
export function nodesOf(tree: Tree): WorkflowNode[] {
  const nodes: WorkflowNode[] = [];
  const waiting: { tree: Tree; parent: number; place: number }[] = [{ tree, parent: -1, place: 0 }];
  for (let number = 0; number < waiting.length; number += 1) {
    const { tree: one, parent, place } = waiting[number] as (typeof waiting)[number];
    if ("task" in one) {
      const { task, args = [], pool = "default", takesResult = true, options = NO_OPTIONS } = one;
      nodes.push({ kind: "step", parent, place, pool, task, data: JSON.stringify({ args }), options, takesResult });
      continue;
    }
    const children = "chain" in one ? one.chain : one.group;
    const branch = { parent, place, first: waiting.length, count: children.length };
    if ("chain" in one) nodes.push({ kind: "chain", ...branch });
    else nodes.push({ kind: "group", ...branch, errors: one.errors ?? "fail" });
    for (const [index, child] of children.entries()) waiting.push({ tree: child, parent: number, place: index });
  }
  return nodes;
}
