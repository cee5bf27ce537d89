import {
  decodeFromString,
  decodeUnits,
  forViewing,
  type JobEnvelope,
  type JobReturn,
  type UnitAnswer,
} from "@manyhands/core/internal";
import { readable } from "./readable.ts";

/** The envelope of a job with its encoded parts as people can read them; everything else stays as it is stored. */
export function formatJobData(data: unknown): unknown {
  if (!isRecord(data)) return data;
  const { encodedArgs, units, ...rest } = data as JobEnvelope;
  return {
    ...rest,
    ...(typeof encodedArgs === "string" ? { args: decoded(encodedArgs) } : {}),
    ...(typeof units === "string" ? { [rest.kind ?? "units"]: decoded(units, decodeUnits) } : {}),
  };
}

/** The return value of a job with its answers as people can read them. */
export function formatReturnValue(returned: unknown): unknown {
  if (!isRecord(returned)) return returned;
  const { answers, stored, ...rest } = returned as Partial<JobReturn>;
  return {
    ...rest,
    ...(Array.isArray(answers) ? { answers: answers.flatMap(answersOf) } : {}),
    ...(stored ? { stored: "the answers are too large for this page; they are kept beside the job" } : {}),
  };
}

function answersOf(text: string): unknown[] {
  try {
    return (forViewing(() => decodeFromString(text)) as UnitAnswer[]).map(([unit, ok, value, micros]) => ({
      unit,
      [ok === 1 ? "value" : "error"]: readable(value),
      milliseconds: micros / 1000,
    }));
  } catch (error) {
    return [undecodable(error)];
  }
}

function decoded(text: string, decode: (text: string) => unknown = decodeFromString): unknown {
  try {
    return forViewing(() => readable(decode(text)));
  } catch (error) {
    return undecodable(error);
  }
}

/** Foreign or newer data must not take the page down with it. */
function undecodable(error: unknown): unknown {
  return { undecodable: error instanceof Error ? error.message : String(error) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
