import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { announcedOptions } from "../../tasks/index.ts";
import { decode, decodeError, decodeStoredAnswers, decodeUnits, forViewing } from "../../wire/codec/index.ts";
import {
  JOB_ANSWERS_FIELD,
  JOB_CANCEL_FIELD,
  JOB_ERROR_FIELD,
  type JobEnvelope,
  type JobReturn,
  type UnitAnswer,
} from "../../wire/records/job.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { hostOf } from "../../wire/records/worker-name.ts";
import { announcedTasks, describeUnserved, isServed } from "../../work/fleet/index.ts";
import { describeLimit, type LimitHold } from "../../work/limits/index.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { ErrorView, TaskState, TaskView, UnitView } from "../../work/submission/task-view.ts";
import { STEP_WORKFLOW_FIELD } from "../../work/workflows/index.ts";
import { errorFromText, viewError } from "./error-view.ts";
import { viewTries } from "./task-tries.ts";
import { shownState, whereIs } from "./where-is.ts";

/** BullMQ multiplies the time at which a delayed job is due, to number those of one millisecond. */
const DELAYED_STEP = 0x1000;

/** Reads one task with everything that is kept of it; null when it is gone. */
export async function readTask(
  context: { client: RedisClient; keys: Keys },
  place: TaskPlace,
  hosts: readonly HostRecord[],
): Promise<TaskView | null> {
  const { client, keys } = context;
  const { pool, jobId } = place;
  const [fields, where, due] = await Promise.all([
    client.hgetall(keys.job(pool, jobId)).catch(noneIfWrongType),
    whereIs(client, keys, place),
    client.zscore(keys.queue(pool, "delayed"), jobId).catch(() => null),
  ]);
  if (fields["timestamp"] === undefined) return null;
  const state = shownState(where, hosts);
  const { limitedBy, position } = where;
  const limit = limitedBy === "" ? null : await describeLimit(context, { pool, limitedBy, position });
  const returned = objectOr(parse<unknown>(fields["returnvalue"], null), null) as JobReturn | null;
  const run = state === "failed" || state === "cancelled" ? fields[JOB_ANSWERS_FIELD] : returned?.stored;
  const key = run === undefined ? null : keys.result({ pool, jobId, run });
  const stored = key === null ? null : await client.getBuffer(key).catch(noneIfWrongType);
  const job: StoredJob = {
    place,
    fields,
    state,
    position: where.position,
    parkedFor: where.parkedFor,
    limit,
    dueAt: due === null ? null : Math.floor(Number(due) / DELAYED_STEP),
    envelope: objectOr(parse<unknown>(fields["data"], {}), {} as JobEnvelope),
    returned,
    stored: Buffer.isBuffer(stored) ? stored : null,
  };
  return forViewing(() => view(job, hosts));
}

interface StoredJob {
  place: TaskPlace;
  fields: Record<string, string>;
  state: TaskState;
  position: number | null;
  /** As in {@link Whereabouts}. */
  parkedFor: string;
  /** The limit that holds it back. */
  limit: LimitHold | null;
  /** Epoch ms. */
  dueAt: number | null;
  envelope: JobEnvelope;
  returned: JobReturn | null;
  /** What is kept beside the job. */
  stored: Uint8Array | null;
}

function view(job: StoredJob, hosts: readonly HostRecord[]): TaskView {
  const { place, fields, state, envelope, returned } = job;
  const name = fields["name"] ?? "";
  const options = parse<{ attempts?: number; priority?: number }>(fields["opts"], {});
  // What the job does not say itself, its host takes from the task.
  const known = announcedOptions(announcedTasks(hosts).get(name));
  const running = hosts.flatMap((host) => host.running.map((run) => ({ ...run, host })));
  const run =
    state === "active" ? running.find((one) => one.pool === place.pool && one.jobId === place.jobId) : undefined;
  const outcomes = readOutcomes(job).filter((outcome) => place.unit === null || outcome.unit === place.unit);
  const single = (envelope.count ?? 1) === 1 && envelope.units === undefined ? outcomes[0] : undefined;
  const only = place.unit === null ? single : outcomes[0];
  const hasFailed = state === "failed" || state === "cancelled";
  const error = only?.error ?? (outcomes.length === 0 && hasFailed ? readFailure(fields) : null);
  const createdAt = Number(fields["timestamp"]);
  const startedAt = fields["processedOn"] ? Number(fields["processedOn"]) : null;
  const finishedAt = fields["finishedOn"] ? Number(fields["finishedOn"]) : null;
  const delay = Number(fields["delay"] ?? 0);
  const expires = envelope.expires ?? known.expires;
  const by = fields["pb"] ? hostOf(fields["pb"]) : null;
  const host = returned?.host ?? run?.host.name ?? by ?? (startedAt === null ? null : (error?.host ?? null));
  const pid = returned?.pid ?? run?.pid ?? (startedAt === null ? null : (error?.pid ?? null));
  return {
    id: place.unit === null ? place.jobId : `${place.jobId}.${place.unit}`,
    name,
    pool: place.pool,
    state,
    kind: envelope.units === undefined ? "call" : (envelope.kind ?? "calls"),
    units: envelope.count ?? 1,
    items: envelope.items ?? envelope.count ?? 1,
    attempts: options.attempts || known.attempts || 1,
    attemptsMade: Number(fields["atm"] ?? 0),
    priority: Number(fields["priority"] ?? 0) || null,
    tags: envelope.tags ?? [],
    timeout: envelope.timeout ?? known.timeout ?? null,
    softTimeout: envelope.softTimeout ?? known.softTimeout ?? null,
    createdAt,
    tries: viewTries(fields, {
      ...{ state, startedAt, finishedAt, host, pid },
      attemptsMade: Number(fields["atm"] ?? 0),
    }),
    dueAt: state === "delayed" ? (job.dueAt ?? createdAt + delay) : (job.limit?.nextAt ?? null),
    expiresAt: expires === undefined ? null : createdAt + expires,
    startedAt,
    finishedAt,
    waitTime: startedAt === null ? null : Math.max(0, startedAt - createdAt),
    runTime: startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
    host,
    hostId: returned?.hostId ?? run?.host.id ?? null,
    pid,
    args: attempt(() => readArguments(job)),
    result: only?.ok ? only.value : null,
    hasResult: only?.ok ?? false,
    error,
    outcomes,
    failedReason: fields["failedReason"] ?? null,
    progress: parse<unknown>(fields["progress"], null) || null,
    queuePosition: job.position,
    blockedBy: describeBlock({ ...job, pool: place.pool, task: name, jobId: place.jobId }, hosts),
    limit: isServed(hosts, place.pool, name) ? holdIn(job) : null,
    deadOf: typeof envelope.deadOf === "string" ? envelope.deadOf : null,
    parent: readParent(fields["parent"]) ?? placeOf(envelope.childOf),
    // A run of a schedule of ours, or of one of BullMQ.
    schedule: (typeof envelope.schedule === "string" ? envelope.schedule : fields["rjk"]) ?? null,
    workflow: fields[STEP_WORKFLOW_FIELD] ?? null,
    traceId: /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(String(envelope.traceparent))?.[1] ?? null,
    cancelRequested: fields[JOB_CANCEL_FIELD] ?? fields[`${JOB_CANCEL_FIELD}.${place.unit}`] ?? null,
  };
}

/** Any client may have written it. */
function placeOf(childOf: unknown): { pool: string; id: string } | null {
  const { pool, id } = Object(childOf) as { pool?: unknown; id?: unknown };
  return typeof pool === "string" && typeof id === "string" ? { pool, id } : null;
}

/** BullMQ names the queue by its prefix and its name, which is our pool. */
function readParent(text: string | undefined): { pool: string; id: string } | null {
  const { id, queueKey } = parse<{ id?: unknown; queueKey?: unknown }>(text, {});
  if (typeof id !== "string" || typeof queueKey !== "string") return null;
  return { pool: queueKey.slice(queueKey.lastIndexOf(":") + 1), id };
}

function readArguments({ envelope, place }: StoredJob): unknown {
  if (envelope.args !== undefined) return envelope.args;
  if (envelope.encodedArgs !== undefined) return decode(Buffer.from(envelope.encodedArgs, "base64"));
  if (envelope.units === undefined) return [];
  const units = decodeUnits(envelope.units) as unknown[];
  return place.unit === null ? units : (units[place.unit] ?? null);
}

function readOutcomes({ returned, stored }: StoredJob): UnitView[] {
  const texts = listOf<string>(returned?.answers).map((text) => Buffer.from(String(text), "base64"));
  const answers = texts.flatMap((bytes) => listOf<UnitAnswer>(attempt(() => decode(bytes))));
  if (stored) answers.push(...listOf<UnitAnswer>(attempt(() => decodeStoredAnswers(stored))));
  const outcomes = answers.map(([unit, ok, value, micros]): UnitView => {
    const error = ok === 1 ? null : viewError(attempt(() => decodeError(value as Uint8Array)));
    return { unit, ok: ok === 1, value: ok === 1 ? value : null, error, runTime: micros / 1_000 };
  });
  if (outcomes.length === 0 && returned !== null && "value" in returned) {
    outcomes.push({ unit: 0, ok: true, value: returned.value, error: null, runTime: returned.duration });
  }
  return outcomes.sort((left, right) => left.unit - right.unit);
}

function readFailure(fields: Record<string, string>): ErrorView {
  const stored = fields[JOB_ERROR_FIELD];
  if (stored !== undefined) return viewError(attempt(() => errorFromText(stored)));
  const traces = parse<string[]>(fields["stacktrace"], []);
  return {
    name: "Error",
    message: fields["failedReason"] ?? "",
    code: null,
    stack: traces.at(-1) ?? null,
    host: null,
    pid: null,
    cause: null,
  };
}

function holdIn({ limit }: StoredJob): TaskView["limit"] {
  if (limit === null) return null;
  const { text: _text, ...hold } = limit;
  return hold;
}

/** A task that does not start, and what is known of that. */
interface Held extends Pick<StoredJob, "state" | "parkedFor"> {
  pool: string;
  task: string;
  jobId: string;
  limit: Pick<LimitHold, "text"> | null;
}

/** Why a task does not start, and what would help; null = nothing holds it back. */
export function describeBlock(
  { state, pool, task, jobId, parkedFor, limit }: Held,
  hosts: readonly HostRecord[],
): string | null {
  if (state === "unknown") {
    return (
      "it is in no list of its pool, so that no host takes it; put it back with: " +
      `manyhands task retry ${jobId} --pool ${pool}`
    );
  }
  if (state !== "blocked" && state !== "delayed") return null;
  if (limit && isServed(hosts, pool, task)) return limit.text;
  if (!isServed(hosts, pool, task)) return describeUnserved(hosts, pool, task);
  return state === "delayed" ? null : `the initializer of its pool: ${describeUnserved(hosts, pool, parkedFor)}`;
}

/** What `read` gives; where that cannot be read, the error that says so: one bad part must not hide the rest of a task. */
function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

function listOf<Item>(value: unknown): Item[] {
  return Array.isArray(value) ? value : [];
}

function objectOr<Value>(value: unknown, otherwise: Value): Value {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Value) : otherwise;
}

function noneIfWrongType(error: unknown): Record<string, never> {
  if (isWrongType(error)) return {};
  throw error;
}

function parse<Value>(text: string | undefined, absent: Value): Value {
  if (text === undefined || text === "") return absent;
  try {
    return (JSON.parse(text) as Value) ?? absent;
  } catch {
    return absent;
  }
}
