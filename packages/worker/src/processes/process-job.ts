import type { ProcessRequest } from "../child/messages.ts";
import type { PoolJob } from "../jobs/pool-job.ts";

/** What a job of a queue of processes holds. */
export interface ProcessJob {
  request: ProcessRequest;
  /** Client that started it. */
  client: string;
  queue: string;
}

/** Reads the data of a job; null when it is no process, which any client of BullMQ may have written. */
export function readProcessJob(job: PoolJob): ProcessJob | null {
  const { process: order, args, encodedArgs } = (job.data ?? {}) as Partial<PoolJob["data"]>;
  // The arguments of a job that was begun are gone; who it is stands in its id and record.
  if (!job.id) return null;
  if (!order) return null;
  return {
    request: { order, target: job.name, ...(encodedArgs === undefined ? { args: args ?? [] } : { encodedArgs }) },
    client: order.parent.client,
    queue: job.queueName,
  };
}
