import type { UnitAnswer } from "../records/job.ts";
import { decode } from "./binary.ts";

/**
 * Reads what is kept beside a job: the value of a single call as JSON text, or `encode(Uint8Array[])`, of which each
 * holds `encode(UnitAnswer[])`. MessagePack begins no list with a byte that JSON begins with.
 */
export function decodeStoredAnswers(bytes: Uint8Array): UnitAnswer[] {
  if ((bytes[0] ?? 0) < 0x80) return [[0, 1, JSON.parse(Buffer.from(bytes).toString("utf8")), 0]];
  return (decode(bytes) as Uint8Array[]).flatMap((answers) => decode(answers) as UnitAnswer[]);
}
