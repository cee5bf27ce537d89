import { ValidationError } from "@manyhands/core";
import { type JobEnvelope, type UnitKind, unitCount } from "@manyhands/core/internal";

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

function readUnits(envelope: JobEnvelope): JobRequest {
  const { units, kind, count } = envelope;
  if (typeof units !== "string") return refuse(envelope, "has units that are not text");
  if (kind !== "calls" && kind !== "items" && kind !== "starItems") return refuse(envelope, "has an unknown kind");
  if (!Number.isInteger(count) || (count ?? 0) < 1) return refuse(envelope, "has no count of its units");
  if (unitCount(envelope) === null) return refuse(envelope, `says that it holds ${count} units, which it does not`);
  return { envelope, kind, count: count as number };
}

function refuse(data: unknown, fault: string): never {
  const text = JSON.stringify(data) ?? String(data);
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  throw new ValidationError(`the job's data ${fault}; got ${shown}; write { "args": [...] }`);
}
