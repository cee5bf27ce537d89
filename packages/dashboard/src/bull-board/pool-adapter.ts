import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { isWrongType } from "@manyhands/core/internal";
import type { Queue } from "bullmq";
import type { Redaction } from "../values/redaction.ts";

type Options = ConstructorParameters<typeof BullMQAdapter>[1] & { redaction: Redaction };

/**
 * Bull Board's adapter of one pool. Bull Board reads all queues together and fails as a whole; so what cannot be read of
 * a pool is shown as empty, and a job that cannot be read is left out.
 */
export class PoolAdapter extends BullMQAdapter {
  readonly #queue: Queue;
  readonly #redaction: Redaction;

  constructor(queue: Queue, { redaction, ...options }: Options) {
    super(queue, options);
    this.#queue = queue;
    this.#redaction = redaction;
  }

  override async getJobLogs(id: string): Promise<string[]> {
    return (await super.getJobLogs(id)).map((line) => this.#redaction.line(line));
  }

  override getJobCounts(): ReturnType<BullMQAdapter["getJobCounts"]> {
    const none = Object.fromEntries(this.getJobStatuses().map((status) => [status, 0]));
    return readableOr(super.getJobCounts(), none as Awaited<ReturnType<BullMQAdapter["getJobCounts"]>>);
  }

  override isPaused(): Promise<boolean> {
    return readableOr(super.isPaused(), false);
  }

  override getGlobalConcurrency(): Promise<number | null> {
    return readableOr(super.getGlobalConcurrency(), null);
  }

  override getJobSchedulersCount(): Promise<number> {
    return readableOr(super.getJobSchedulersCount(), 0);
  }

  override async getJobs(
    ...[statuses, start, end]: Parameters<BullMQAdapter["getJobs"]>
  ): ReturnType<BullMQAdapter["getJobs"]> {
    try {
      return (await super.getJobs(statuses, start, end)).map(whole);
    } catch (error) {
      const isContent = error instanceof SyntaxError || error instanceof TypeError;
      if (!isContent && !isWrongType(error)) throw error;
      const ids = await readableOr(this.#queue.getRanges(statuses as never, start, end, false), []);
      const jobs = await Promise.all(ids.map((id) => super.getJob(id).catch(() => undefined)));
      const found = jobs.filter((job) => job !== undefined && job !== null);
      return (found as Awaited<ReturnType<BullMQAdapter["getJobs"]>>).map(whole);
    }
  }
}

/** Any client may have written a job: what Bull Board walks through is a list and an object. */
function whole<Job extends object>(job: Job): Job {
  const fields = job as { stacktrace?: unknown; opts?: unknown };
  if (!Array.isArray(fields.stacktrace)) fields.stacktrace = [];
  if (typeof fields.opts !== "object" || fields.opts === null) fields.opts = {};
  return job;
}

async function readableOr<Value>(reading: Promise<Value>, otherwise: Value): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    if (isWrongType(error)) return otherwise;
    throw error;
  }
}
