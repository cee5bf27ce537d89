import type { Milliseconds } from "../../time/index.ts";
import type { ProcessOrder } from "./process.ts";

/**
 * What a BullMQ job of manyhands carries in `data`.
 *
 * A job holds one or more *units*; each unit gets exactly one answer.
 * - `args` (plain JSON) or `encodedArgs`: one unit, one call `run(...args)`. What any BullMQ client may write.
 * - `units`: the list of units as JSON text where they are plain and small, else base64 of `encode(Unit[])`. `kind` says
 *   what a unit is:
 *   `calls`: an argument list, answered by the call's value;
 *   `items`: a chunk of items, answered by the list of `run(item)`;
 *   `starItems`: a chunk of argument lists, answered by the list of `run(...item)`.
 */
export interface JobEnvelope {
  args?: unknown[];
  /** base64 of `encode(args)`, where the arguments are more than plain JSON. */
  encodedArgs?: string;
  kind?: UnitKind;
  units?: string;
  /** Number of units in `units`. */
  count?: number;
  /** Number of items over all units, for display. */
  items?: number;
  /** Client id whose reply stream gets the answers; absent for a detached submission. */
  client?: string;
  /** The job is a process: who it is, beside its arguments. */
  process?: ProcessOrder;
  tags?: string[];
  /** The job is a run of the schedule with that name. */
  schedule?: string;
  /** The job is a call of `onDead`: of the task with that id. */
  deadOf?: string;
  /** The job is a child that a running task has submitted: the pool and the id of that task. */
  childOf?: { pool: string; id: string };
  /** Hard limit of one call or item: the child is killed. */
  timeout?: Milliseconds;
  /** Aborts `currentTask().signal` of one call or item. */
  softTimeout?: Milliseconds;
  /** How long the outcome is kept. */
  resultTtl?: Milliseconds;
  /** A job that has not been started so long after its submission is dropped. */
  expires?: Milliseconds;
  /** The program that submitted it has counted it, although neither `client` nor the id of the job says that it is ours. */
  counted?: true;
  /** The trace that the submission belongs to, as W3C Trace Context and Baggage; any client may write it. */
  traceparent?: string;
  tracestate?: string;
  baggage?: string;
  /** The host that runs it begins a trace of its own, with a link to that one. */
  traceLink?: true;
}

/** An id that one of our programs made: the client, and a number. */
const OWN_ID = /^[0-9a-f]{16}-[0-9a-z]+$/;

/** Whether the program that submitted a job has counted it. Clients in other languages do not: the first host to run it does. */
export function isCounted(jobId: string, data: unknown): boolean {
  const { client, counted } = (data ?? {}) as Partial<JobEnvelope>;
  return typeof client === "string" || counted === true || OWN_ID.test(jobId);
}

export type UnitKind = "calls" | "items" | "starItems";

/**
 * Answer to one unit: index in its job, 1 = value / 0 = error, the value or `encodeError(error)` (bytes), run time in
 * microseconds.
 */
export type UnitAnswer = [unit: number, ok: 0 | 1, value: unknown, micros: number];

/**
 * One element of the field `answers` of an entry of the reply stream: the submission that waits (`submissionOf`),
 * `encode(UnitAnswer[])`, and where it ran. The field holds `encode(ReplyItem[])`.
 */
export type ReplyItem = [submission: string, answers: Uint8Array, hostName: string, pid: number];

/**
 * Option of a job whose id the caller chose: a word that is new with every submission. The same id may be submitted again
 * once the job is gone, and what belongs to one submission must not reach the next.
 */
export const JOB_TICKET_OPTION = "ticket";

/**
 * Which submission a job comes from. An id that was made for the job says it alone; one that the caller chose says it
 * together with the ticket. A copy of the job under another id is not that submission.
 */
export function submissionOf(jobId: string, options: unknown): string {
  const ticket = (options as { [JOB_TICKET_OPTION]?: unknown } | null | undefined)?.[JOB_TICKET_OPTION];
  return typeof ticket === "string" ? `${ticket} ${jobId}` : jobId;
}

/** What a client without our codec gets to know of a failed job besides `failedReason` and `stacktrace`. */
export interface JobFailure {
  /** Class of the error. */
  name: string;
  message: string;
  host: string;
  pid: number;
}

/** Tells the jobs apart that have an id one after the other: by their submission, or by when they were submitted (ms). */
export function lifeOf(jobId: string, { options, timestamp }: { options: unknown; timestamp: string }): string {
  const submission = submissionOf(jobId, options);
  return submission === jobId ? timestamp : submission;
}

/** `returnvalue` of a completed job. */
export interface JobReturn {
  /** Value of the only unit as JSON. Where JSON says less than the value, `answers` are there too and hold the value itself. */
  value?: unknown;
  /** base64 of `encode(UnitAnswer[])`, one string per message of the child. */
  answers?: string[];
  /** The answers are in `Keys.result({ pool, jobId, run })`, as `encode(Uint8Array[])`; this is the run. */
  stored?: string;
  /** What is stored is the value of the only unit as JSON text. */
  storedAs?: "json";
  host: string;
  hostId: string;
  pid: number;
  /** Run time in ms. */
  duration: number;
}

/** Finished jobs that a pool keeps; ages in seconds, as BullMQ has them. Bounds what a pool's history takes of Redis. */
export const KEPT_COMPLETED = { age: 3_600, count: 2_000 } as const;
export const KEPT_FAILED = { age: 86_400, count: 5_000 } as const;
/** Entries of BullMQ's event stream that a pool keeps: dashboards read them, results do not need them. */
export const KEPT_EVENTS = 1_000;
/** Extra field of a failed job's hash: base64 of `encodeError(error)`. */
export const JOB_ERROR_FIELD = "error";
/** Extra field of a failed job's hash: a {@link JobFailure} as JSON. */
export const JOB_FAILURE_FIELD = "failure";
/**
 * Extra field of a job's hash: the run whose answers are kept beside it (`Keys.result`). A job that completed names it in
 * its return value as well.
 */
export const JOB_ANSWERS_FIELD = "answers";
/**
 * Extra field of a failed job's hash: it did not fail, but was cancelled, or was not started before it expired. Absent: it
 * failed. Only the hash of a job among the failed ones is asked for it.
 */
export const JOB_ENDED_FIELD = "ended";
/** How a job that is among the failed ones of BullMQ has ended, if it is no failure of its task. */
export type JobEnding = "cancelled" | "expired";
/** Extra field of a job's hash: the reason of a requested cancellation; hosts re-check it with each heartbeat. */
export const JOB_CANCEL_FIELD = "cancelRequested";
/**
 * Extra field of a job's hash beside each requested cancellation: the run that it is for, as `<ends of runs so far>:<starts so
 * far>`. A field for one call has ".<unit>" behind it, as that of the request. A request without it is for the present run.
 */
export const JOB_CANCEL_RUN_FIELD = "cancelRequestedIn";
/**
 * Extra field of a job's hash: the ids of clients, with spaces between, that wait for the job besides its own client.
 * Hosts post the answers to their reply streams as well.
 */
export const JOB_WATCHERS_FIELD = "watchers";
/** Extra field of a job's hash: how many lines its log has lost at its beginning, because it keeps a bounded number. */
export const JOB_LOG_DROPPED_FIELD = "logDropped";
/**
 * Extra field of a job's hash: when the lines of its log were written, as marks with spaces between: `<number of the line>:<epoch
 * ms>:<start of the try, epoch ms>`. A mark holds for its line and those behind it, up to the next one.
 */
export const JOB_LINE_TIMES_FIELD = "lineTimes";
/** Extra field of a job's hash: the last {@link MOST_TRIES} of its tries that failed, a {@link JobTry} as JSON on each line. */
export const JOB_TRIES_FIELD = "tries";
export const MOST_TRIES = 20;
/** Longest message of a try that is kept, characters. */
export const LONGEST_TRY_MESSAGE = 300;

/** A try that failed. */
export interface JobTry {
  /** 1 for the first; a retry by request begins again with 1. */
  attempt: number;
  /** Epoch ms, by the clock of its host. */
  startedAt: number;
  endedAt: number;
  host: string;
  pid: number;
  /** Class and message of its error. */
  name: string;
  message: string;
}

/** The tries that the field names; anything may have written it. */
export function readTries(field: unknown): JobTry[] {
  if (typeof field !== "string") return [];
  return field.split("\n").flatMap((line) => {
    try {
      const { attempt, startedAt, endedAt, host, pid, name, message } = JSON.parse(line) as JobTry;
      if (![attempt, startedAt, endedAt, pid].every(Number.isFinite)) return [];
      return [{ attempt, startedAt, endedAt, host: String(host), pid, name: String(name), message: String(message) }];
    } catch {
      return [];
    }
  });
}
/** Most clients that are noted; those that come later find the outcome by looking at the job every two to ten seconds. */
export const MOST_WATCHERS = 1_000;

/**
 * The name under which hosts tell the clients that are noted in a job, in their reply streams, that something of it has
 * changed: an item with no answers. It is a hint to look.
 */
export function updatesName(pool: string, jobId: string): string {
  return `updates:${pool}/${jobId}`;
}

/** The clients that the field names; anything may have written it. */
export function readWatchers(field: unknown): string[] {
  if (typeof field !== "string" || field === "") return [];
  return [...new Set(field.split(" "))].filter((id) => id !== "").slice(0, MOST_WATCHERS);
}

/**
 * Extra field of a job's hash while it is parked because no live host knows its task: `<epoch ms since when> <its score among
 * the prioritized jobs, or nothing> <the task, or the initializer of the pool, that no host knows>`.
 */
export const JOB_UNSERVED_FIELD = "unservedSince";
/** Extra field of a job's hash while a limit holds it back: `<epoch ms since when> <task, or nothing for the pool>|<key>`. */
export const JOB_LIMITED_FIELD = "limited";
/** Option of a job: the key that its limits count it under, as its submitter computed it. */
export const LIMIT_KEY_OPTION = "limitKey";
/** Extra field of a job's hash: the same, as a host computed it. */
export const JOB_LIMIT_KEY_FIELD = "limitKey";
/** Extra field of the hash of a child's job: when the task was submitted, ms, that has submitted it: a later one may have its id. */
export const JOB_CHILD_LIFE_FIELD = "childLife";
/** Extra field of a job's hash: 1 when the job has expired. It does so once: a task that is retried then is wanted. */
export const JOB_EXPIRED_FIELD = "expired";
/**
 * Extra field of a job's hash: 1 when a host has given it the priority of its task, because the client that added it did not
 * know that. It is done once: what a tool makes of the priority later stays.
 */
export const JOB_RANKED_FIELD = "ranked";
/**
 * Lua: `ends_of(job)`, which is another text after each run that has ended in BullMQ, also where a tool has set the count of
 * attempts back: the stack traces of failures stay. A run that was lost with its host has not ended.
 */
export const ENDS_OF = `
local function ends_of(job)
  return (redis.call("HGET", job, "atm") or "0") .. "/" .. redis.call("HSTRLEN", job, "stacktrace")
end
`;
/** Largest answers in bytes that are kept in the return value itself, and with it in BullMQ's event stream. */
export const MAX_INLINE_ANSWERS: number = 16 * 1024;
