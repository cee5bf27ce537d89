import { type OpenSpan, readCarrier, startConsumerSpan, type TraceCarrier } from "@manyhands/core/internal";
import { DelayedError, WaitingError } from "bullmq";
import { failureBehind } from "./failure.ts";
import type { PoolJob } from "./pool-job.ts";

const traces = new WeakMap<object, TraceCarrier>();

/** The trace in which the present run of the job is; undefined when it is in none. */
export function traceOf(job: PoolJob): TraceCarrier | undefined {
  return traces.get(job);
}

/** Runs a job within a span of the host, in the trace that the job brings along. */
export async function traceJob<Value>(
  job: PoolJob,
  { host, pool, calls }: { host: string; pool: string; calls: number },
  run: () => Promise<Value>,
): Promise<Value> {
  const span = start(job, { host, pool, calls });
  if (!span) return run();
  if (span.carrier) traces.set(job, span.carrier);
  try {
    const value = await run();
    span.end();
    return value;
  } catch (error) {
    // It was given back, and is no failure.
    const isPutBack = error instanceof WaitingError || error instanceof DelayedError;
    span.end(isPutBack ? undefined : (failureBehind(error) ?? error));
    throw error;
  }
}

function start(
  job: PoolJob,
  { host, pool, calls }: { host: string; pool: string; calls: number },
): OpenSpan | undefined {
  const isFirst = job.attemptsMade === 0 && job.attemptsStarted <= 1;
  return startConsumerSpan(
    { pool, task: job.name, jobId: job.id ?? "", calls },
    {
      carrier: readCarrier(job.data) ?? ofBullMQ(job),
      waitedSince: isFirst ? job.timestamp + (job.opts.delay ?? 0) : undefined,
      attributes: { "manyhands.host": host, "manyhands.attempt": job.attemptsMade + 1 },
    },
  );
}

/** What the telemetry of BullMQ's clients writes. */
function ofBullMQ(job: PoolJob): TraceCarrier | undefined {
  const metadata = job.opts.telemetry?.metadata;
  if (typeof metadata !== "string") return undefined;
  try {
    return readCarrier(JSON.parse(metadata));
  } catch {
    return undefined;
  }
}
