import type { WorkflowBranch, WorkflowNode } from "@manyhands/core/internal";

/** A random small workflow of the task `leave`, which its checker knows as well. */
export function randomWorkflow(id: string, random: () => number, file: string): WorkflowNode[] {
  const nodes: WorkflowNode[] = [];
  const open: { parent: number; place: number; depth: number }[] = [{ parent: -1, place: 0, depth: 0 }];
  const upto = (most: number): number => Math.floor(random() * (most + 1));
  const options = [{}, { attempts: 3, backoff: { type: "fixed", delay: 20 } }, { delay: 30 }, { priority: 2 }];
  const standard = options[0] ?? {};
  const retried = options[1] ?? {};
  for (let number = 0; number < open.length; number += 1) {
    const { parent, place, depth } = open[number] as (typeof open)[number];
    const isStep = depth === 3 || open.length > 14 || (depth > 0 && random() < 0.45);
    if (isStep) {
      const luck = random();
      const how = luck < 0.04 ? "bad" : luck < 0.12 ? "flaky" : "good";
      const chosen = how === "flaky" ? retried : random() < 0.2 ? (options[upto(3)] ?? standard) : standard;
      nodes.push({
        ...{ kind: "step", parent, place, pool: random() < 0.8 ? "one" : "two", task: "leave" },
        data: JSON.stringify({ args: [`${id}.${number}`, how, file, upto(15)] }),
        options: chosen,
        takesResult: random() < 0.85,
      });
      continue;
    }
    const kind = random() < 0.5 ? "chain" : "group";
    const count = kind === "chain" ? 1 + upto(2) : upto(4);
    const branch: WorkflowBranch = { kind, parent, place, first: open.length, count };
    if (kind === "group") branch.errors = random() < 0.4 ? "return" : "fail";
    nodes.push(branch);
    for (let child = 0; child < count; child += 1) open.push({ parent: number, place: child, depth: depth + 1 });
  }
  return nodes;
}

/** The node whose result a step is given; -1 = none. Worked out from the tree alone. */
export function inputOf(nodes: readonly WorkflowNode[], step: number): number {
  let number = step;
  for (;;) {
    const { parent, place } = nodes[number] as WorkflowNode;
    if (parent < 0) return -1;
    if (nodes[parent]?.kind === "chain" && place > 0) return number - 1;
    number = parent;
  }
}

/** The nodes from one up to the whole. */
export function pathOf(nodes: readonly WorkflowNode[], node: number): number[] {
  const path = [node];
  for (let parent = nodes[node]?.parent ?? -1; parent >= 0; parent = nodes[parent]?.parent ?? -1) path.push(parent);
  return path;
}
