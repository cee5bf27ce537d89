import type { ProcessOrder } from "@manyhands/core/internal";
import type { ProcessRequest } from "../child/messages.ts";
import { traceOf } from "../jobs/job-trace.ts";
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
  if (!isOrder(order)) return null;
  const trace = traceOf(job);
  if (encodedArgs !== undefined && typeof encodedArgs !== "string") return null;
  if (encodedArgs === undefined && args !== undefined && !Array.isArray(args)) return null;
  return {
    request: {
      order,
      target: job.name,
      ...(encodedArgs === undefined ? { args: args ?? [] } : { encodedArgs }),
      ...(trace && { trace }),
    },
    client: order.parent.client,
    queue: job.queueName,
  };
}

function isOrder(value: unknown): value is ProcessOrder {
  if (typeof value !== "object" || value === null) return false;
  const { id, name, identity, daemon, parent } = value as { [Field in keyof ProcessOrder]?: unknown };
  if (typeof id !== "string" || id === "" || typeof name !== "string" || typeof daemon !== "boolean") return false;
  if (!Array.isArray(identity) || typeof parent !== "object" || parent === null) return false;
  const { client } = parent as { client?: unknown };
  return typeof client === "string" && client !== "";
}
