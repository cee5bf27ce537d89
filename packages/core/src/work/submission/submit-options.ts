import type { DeduplicationOptions, JobsOptions } from "bullmq";
import { assertOptions, type OptionTypes } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import { LONGEST_TAG, MOST_TAGS } from "../../redis/task-index/index.ts";
import { type Backoff, checkReach, checkTaskOptions, type TaskOptions } from "../../tasks/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { type JobEnvelope, LIMIT_KEY_OPTION } from "../../wire/records/job.ts";
import { checkLimitKey } from "../../wire/records/limits.ts";

/** Options of one submission. A submission with any of them is a job of its own. */
export interface SubmitOptions {
  /** Milliseconds before it may start. */
  delay?: Milliseconds | undefined;
  /** 1 (first) to 2 097 151 (last). Calls without a priority run before all with one. */
  priority?: number | undefined;
  /**
   * Tries in total, the first included.
   * @defaultValue 1
   */
  attempts?: number | undefined;
  /** Milliseconds between tries, or a {@link Backoff}. */
  backoff?: Milliseconds | Backoff | undefined;
  /** Hard limit of one call in ms: its child is killed, the call fails with TimeoutError. */
  timeout?: Milliseconds | undefined;
  /** After this many ms `currentTask().signal` is aborted. */
  softTimeout?: Milliseconds | undefined;
  /** While a job with the same `id` is under way (or for `ttl` ms), this one is not added: its outcome is shared. */
  deduplication?:
    | {
        id: string;
        ttl?: Milliseconds | undefined;
        extend?: boolean | undefined;
        replace?: boolean | undefined;
      }
    | undefined;
  /** Run before everything that waits. */
  lifo?: boolean | undefined;
  /** Own id of the job, 1 to 200 letters, digits or `_ . -`, not a number. A second job of that id is not added. */
  jobId?: string | undefined;
  /** Labels to search by: at most 16, each of 1 to 64 bytes. */
  tags?: string[] | undefined;
  /**
   * Milliseconds for which answers too large for the job itself are kept, as long as the history keeps the job.
   * @defaultValue 3 600 000
   */
  resultTtl?: Milliseconds | undefined;
  /**
   * Milliseconds from the submission after which it is dropped when it has not been started: it fails with ExpiredError.
   * @defaultValue it waits for as long as it takes
   */
  expires?: Milliseconds | undefined;
  /**
   * The key that limits count it under, 1 to 256 bytes: where limits have keys, in place of the one that `limits.key` computes.
   * @defaultValue what `limits.key` of the task computes; without that, what `limits.key` of this program's pool does
   */
  limitKey?: string | undefined;
}

/** Jobs with larger arguments, in bytes, are not kept once they are done; their answers are in the reply stream. */
const LARGEST_KEPT_JOB = 16 * 1024;

/** Longest time to live that Redis is asked for, ms. */
const LONGEST_TTL = Number.MAX_SAFE_INTEGER;

/** Names of the options that make a submission a job of its own. */
const NAMES: readonly (keyof SubmitOptions)[] = [
  "delay",
  "priority",
  "attempts",
  "backoff",
  "timeout",
  "softTimeout",
  "deduplication",
  "lifo",
  "jobId",
  "tags",
  "resultTtl",
  "expires",
  "limitKey",
];

/**
 * The options in force: the submission's own, then the task's.
 * @param task - The task, or what is known of its options.
 * @returns undefined when nothing is set, so that the call may share a job
 * @throws ValueError naming the option, what it must be and what was got
 */
export function effectiveOptions(
  task: { readonly options: Readonly<TaskOptions> } | undefined,
  given: SubmitOptions | undefined,
): SubmitOptions | undefined {
  let effective: Record<string, unknown> | undefined;
  for (const name of NAMES) {
    const own = given?.[name];
    const value = own ?? (task?.options as SubmitOptions | undefined)?.[name];
    // What a task computes, its hosts know.
    if (value === undefined || (own === undefined && typeof value === "function")) continue;
    effective ??= {};
    effective[name] = value;
  }
  if (effective) checkSubmitOptions(effective);
  return effective;
}

function checkSubmitOptions(options: SubmitOptions): void {
  if (typeof options.backoff === "function") {
    throw new ValueError(
      "backoff: a function cannot be sent with a call; make it an option of the task, or give milliseconds or { type, delay }",
    );
  }
  checkTaskOptions("the options of a call", options as TaskOptions);
  const { delay, jobId, tags, deduplication } = options;
  if (delay !== undefined && !isDuration(delay)) {
    throw new ValueError(`delay must be milliseconds from 0; got ${got(delay)}`);
  }
  checkReach("delay", delay);
  checkReach("resultTtl", options.resultTtl);
  checkReach("expires", options.expires);
  if (options.expires !== undefined && options.expires <= (delay ?? 0)) {
    throw new ValueError(
      `expires must be more than delay (${delay} ms), as both count from the submission; got ${got(options.expires)}`,
    );
  }
  checkReach("deduplication.ttl", deduplication?.ttl);
  if (jobId !== undefined) checkJobId(jobId);
  if (tags !== undefined) checkTags(tags);
  if (options.limitKey !== undefined) checkLimitKey("limitKey must be", options.limitKey);
  if (deduplication !== undefined && (typeof deduplication.id !== "string" || deduplication.id === "")) {
    throw new ValueError(`deduplication needs an id, such as { id: "report-7" }; got ${got(deduplication)}`);
  }
  if (deduplication !== undefined) assertOptions("deduplication", deduplication, DEDUPLICATION);
  if (deduplication?.ttl !== undefined && !isDuration(deduplication.ttl)) {
    throw new ValueError(`deduplication.ttl must be milliseconds from 0; got ${got(deduplication.ttl)}`);
  }
}

const DEDUPLICATION: OptionTypes = { id: "text", ttl: true, extend: "boolean", replace: "boolean" };

/** BullMQ's own keys of a queue: a job of such an id would take their place. */
const RESERVED_IDS: ReadonlySet<string> = new Set(
  (
    "active wait waiting-children paused id delayed prioritized stalled-check completed failed stalled repeat limiter " +
    "meta events pc marker de metrics"
  ).split(" "),
);

function checkTags(tags: unknown): void {
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) {
    throw new ValueError(`tags must be a list of strings; got ${got(tags)}`);
  }
  const unfit = tags.find((tag) => tag === "" || Buffer.byteLength(tag) > LONGEST_TAG || !tag.isWellFormed());
  if (unfit !== undefined) {
    throw new ValueError(`a tag must be a text of 1 to ${LONGEST_TAG} bytes in UTF-8; got ${got(unfit)}`);
  }
  if (new Set(tags).size > MOST_TAGS) {
    throw new ValueError(`a task can have at most ${MOST_TAGS} tags; got ${new Set(tags).size}`);
  }
}

function checkJobId(jobId: unknown): void {
  if (typeof jobId !== "string" || !/^[A-Za-z0-9_.-]{1,200}$/.test(jobId) || /^-?\d+$/.test(jobId)) {
    throw new ValueError(`jobId must be 1 to 200 letters, digits or _ . - and not a number; got ${got(jobId)}`);
  }
  if (RESERVED_IDS.has(jobId)) throw new ValueError(`jobId must not be ${got(jobId)}, a word that BullMQ uses itself`);
}

function isDuration(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && Number.isFinite(value);
}

/** BullMQ writes `attempts: 0` into every job, and takes a job without it for the same. */
const LEFT_OUT = undefined as unknown as number;

/**
 * The options of BullMQ for a job of the given size. How long finished jobs are kept is the hosts' setting: BullMQ
 * applies what one job says of it to all of its pool.
 */
export function toJobsOptions(jobId: string, options: SubmitOptions | undefined, bytes: number): JobsOptions {
  const jobsOptions: JobsOptions = { jobId, attempts: LEFT_OUT };
  if (bytes > LARGEST_KEPT_JOB) jobsOptions.removeOnComplete = true;
  if (!options) return jobsOptions;
  if (options.delay) jobsOptions.delay = options.delay;
  if (options.priority) jobsOptions.priority = options.priority;
  if (options.attempts) jobsOptions.attempts = options.attempts;
  if (options.backoff !== undefined) jobsOptions.backoff = options.backoff as NonNullable<JobsOptions["backoff"]>;
  if (options.lifo) jobsOptions.lifo = true;
  if (options.limitKey !== undefined) Object.assign(jobsOptions, { [LIMIT_KEY_OPTION]: options.limitKey });
  if (options.deduplication) jobsOptions.deduplication = withWholeTtl(options.deduplication);
  return jobsOptions;
}

/** Redis takes whole milliseconds, up to 64 bits. */
function withWholeTtl(deduplication: NonNullable<SubmitOptions["deduplication"]>): DeduplicationOptions {
  const { ttl } = deduplication;
  const whole = ttl === undefined ? deduplication : { ...deduplication, ttl: Math.min(Math.ceil(ttl), LONGEST_TTL) };
  return whole as DeduplicationOptions;
}

/** Writes into the data of a job what hosts have to know of its options. */
export function noteOptions(data: JobEnvelope, options: SubmitOptions | undefined): void {
  // Nothing else in the job would say that it is ours.
  if (options?.jobId !== undefined && data.client === undefined) data.counted = true;
  if (options?.tags && options.tags.length > 0) data.tags = [...new Set(options.tags)];
  if (options?.timeout) data.timeout = options.timeout;
  if (options?.softTimeout) data.softTimeout = options.softTimeout;
  if (options?.resultTtl) data.resultTtl = options.resultTtl;
  if (options?.expires) data.expires = options.expires;
}
