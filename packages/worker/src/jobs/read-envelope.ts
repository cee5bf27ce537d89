import { ValidationError } from "@manyhands/core";
import { checkTaskOptions, type JobEnvelope, type UnitKind, unitCount } from "@manyhands/core/internal";
import type { PoolJob } from "./pool-job.ts";

/** What a job asks for, with every choice made. */
export interface JobRequest {
  envelope: JobEnvelope;
  kind: UnitKind;
  /** Number of units. */
  count: number;
}

/**
 * Reads the data of a job, which any BullMQ client may have written.
 * @throws ValidationError when it is not an envelope
 */
export function readEnvelope(data: unknown): JobRequest {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return refuse(data, "must be an object");
  const envelope = data as JobEnvelope;
  if (envelope.units !== undefined) return readUnits(envelope);
  if (envelope.encodedArgs !== undefined) {
    if (typeof envelope.encodedArgs !== "string") return refuse(data, "has encodedArgs that are not text");
    return { envelope, kind: "calls", count: 1 };
  }
  if (!Array.isArray(envelope.args)) return refuse(data, "has no args");
  return { envelope, kind: "calls", count: 1 };
}

/**
 * Checks the numbers of a job, its envelope's and those for BullMQ, which any client may have written.
 * @throws ValidationError naming the field, what it must be and what was got
 */
export function checkJobOptions({ data, opts }: Pick<PoolJob, "data" | "opts">): void {
  const { timeout, softTimeout, resultTtl, expires, tags, client } = data;
  const { attempts, backoff, priority, removeOnComplete, removeOnFail } = opts as Record<string, unknown>;
  asValidationError(() => {
    checkTaskOptions("the job's data", present({ timeout, softTimeout, resultTtl, expires }));
    checkTaskOptions(
      "the job's options",
      present({ attempts: attempts || undefined, backoff, priority: priority || undefined }),
    );
  });
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === "string"))) {
    throw new ValidationError(`the job's data: tags must be a list of strings; got ${shorten(tags)}`);
  }
  if (client !== undefined && typeof client !== "string") {
    throw new ValidationError(`the job's data: client must be text; got ${shorten(client)}`);
  }
  for (const [name, kept] of Object.entries({ removeOnComplete, removeOnFail })) {
    if (!isKeepRule(kept)) {
      throw new ValidationError(
        `the job's options: ${name} must be true, false, a number or { age, count }; got ${shorten(kept)}`,
      );
    }
  }
}

/** What BullMQ takes for how long finished jobs are kept. */
export function isKeepRule(rule: unknown): boolean {
  if (rule === undefined || typeof rule === "boolean") return true;
  if (typeof rule === "number") return Number.isFinite(rule);
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) return false;
  const { age, count, limit } = rule as Record<string, unknown>;
  return [age, count, limit].every((part) => part === undefined || (typeof part === "number" && Number.isFinite(part)));
}

function present(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function asValidationError(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new ValidationError((error as Error).message, { cause: error });
  }
}

function readUnits(envelope: JobEnvelope): JobRequest {
  const { units, kind, count } = envelope;
  if (typeof units !== "string") return refuse(envelope, "has units that are not text");
  if (kind !== "calls" && kind !== "items" && kind !== "starItems") return refuse(envelope, "has an unknown kind");
  if (!Number.isInteger(count) || (count ?? 0) < 1) return refuse(envelope, "has no count of its units");
  if (unitCount(envelope) === null) return refuse(envelope, `says that it holds ${count} units, which it does not`);
  return { envelope, kind, count: count as number };
}

function refuse(data: unknown, fault: string): never {
  throw new ValidationError(`the job's data ${fault}; got ${shorten(data)}; write { "args": [...] }`);
}

function shorten(data: unknown): string {
  const text = JSON.stringify(data) ?? String(data);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
