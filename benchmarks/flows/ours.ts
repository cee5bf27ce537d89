import {
  Keys,
  PoolRegistry,
  putWorkflow,
  readNodeResult,
  unlimitedPool,
  type WorkflowNode,
  watchWorkflow,
} from "@manyhands/core/internal";
import { startWorker } from "@manyhands/worker";
import type { Redis } from "ioredis";
import type { Contender } from "./contender.ts";

const OPTIONS = {};
let ids = 0;

/** A workflow of manyhands: the client is told of its end as any program is, in its reply stream. */
export async function manyhandsFlows(client: Redis, url: string, slots: number): Promise<Contender> {
  const namespace = "bench-ours";
  const context = { client, keys: new Keys(namespace) };
  await new PoolRegistry(client, context.keys).create(unlimitedPool("default"));
  const host = await startWorker({
    ...{ redis: url, namespace, slots, spares: 0, tasks: [new URL("tasks.ts", import.meta.url).pathname] },
    logger: { info: () => {}, warn: console.error, error: console.error },
  });
  const reader = client.duplicate();

  async function run(nodes: WorkflowNode[]): Promise<{ submitted: number; result: Promise<unknown> }> {
    ids += 1;
    const id = `bench${ids}`;
    const begin = performance.now();
    await putWorkflow(context, { id, nodes });
    const submitted = performance.now() - begin;
    return { submitted, result: ended(id).then(async () => (await readNodeResult(context, id, 0)).value) };
  }

  async function ended(id: string): Promise<void> {
    const stream = context.keys.replies(id);
    while ((await watchWorkflow(context, id, id)) === "running") {
      await reader.xread("BLOCK", 1_000, "STREAMS", stream, "0");
    }
  }

  return {
    name: "manyhands",
    group: (parts) => run(groupNodes(parts)),
    chain: (steps) => run(chainNodes(steps)),
    pause: () => host.stop(),
    close: async () => {
      await host.stop();
      reader.disconnect();
    },
  };
}

function groupNodes(parts: number): WorkflowNode[] {
  return [
    { kind: "chain", parent: -1, place: 0, first: 1, count: 2 },
    { kind: "group", parent: 0, place: 0, first: 3, count: parts },
    step({ parent: 0, place: 1, task: "sum", args: [] }),
    ...Array.from({ length: parts }, (_, place) => step({ parent: 1, place, task: "part", args: [place] })),
  ];
}

function chainNodes(steps: number): WorkflowNode[] {
  return [
    { kind: "chain", parent: -1, place: 0, first: 1, count: steps },
    ...Array.from({ length: steps }, (_, place) => step({ parent: 0, place, task: "next", args: [] })),
  ];
}

function step(one: { parent: number; place: number; task: string; args: unknown[] }): WorkflowNode {
  const { parent, place, task, args } = one;
  return {
    ...{ kind: "step", parent, place, pool: "default", task, takesResult: true },
    ...{ data: JSON.stringify({ args }), options: OPTIONS },
  };
}
