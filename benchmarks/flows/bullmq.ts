import { FlowProducer, type Job, QueueEvents, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Contender } from "./contender.ts";

const QUEUE = "flows";
const PREFIX = "{bench-bull}";

interface Child {
  name: string;
  queueName: string;
  data: unknown;
  children?: Child[];
}

/** BullMQ's flows with BullMQ's worker, and BullMQ's own wait for the root. */
export async function bullmqFlows(client: Redis, slots: number): Promise<Contender> {
  const connection = client as never;
  const producer = new FlowProducer({ connection, prefix: PREFIX });
  const worker = new Worker(QUEUE, runJob, { connection, prefix: PREFIX, concurrency: slots, drainDelay: 1 });
  await worker.waitUntilReady();
  const events = new QueueEvents(QUEUE, { connection, prefix: PREFIX });
  await events.waitUntilReady();

  async function run(flow: Child): Promise<{ submitted: number; result: Promise<unknown> }> {
    const begin = performance.now();
    const { job } = await producer.add(flow as never);
    const submitted = performance.now() - begin;
    return { submitted, result: job.waitUntilFinished(events) };
  }

  return {
    name: "BullMQ flow",
    group: (parts) =>
      run({
        ...{ name: "sum", queueName: QUEUE, data: {} },
        children: Array.from({ length: parts }, (_, index) => ({ name: "part", queueName: QUEUE, data: { index } })),
      }),
    chain: (steps) => {
      let flow: Child = { name: "next", queueName: QUEUE, data: {} };
      for (let step = 1; step < steps; step += 1) flow = { name: "next", queueName: QUEUE, data: {}, children: [flow] };
      return run(flow);
    },
    pause: async () => worker.pause(),
    close: async () => {
      await Promise.all([worker.close(), events.close(), producer.close()]);
    },
  };
}

async function runJob(job: Job): Promise<number> {
  if (job.name === "part") return (job.data as { index: number }).index + 1;
  const values = Object.values(await job.getChildrenValues<number>());
  const total = values.reduce((left, right) => left + right, 0);
  return job.name === "sum" ? total : total + 1;
}
