import { encode } from "../../wire/codec/index.ts";
import type { UnitAnswer } from "../../wire/records/job.ts";
import type { ProcessEnded, ProcessStarted } from "../../wire/records/process.ts";

/** A process gives two answers to the program that started it. */
export const STARTED = 0;
export const ENDED = 1;
export const PROCESS_ANSWERS = 2;

export function startedAnswer(started: ProcessStarted): Buffer<ArrayBuffer> {
  return encode([[STARTED, 1, started, 0] satisfies UnitAnswer]);
}

/** Answers the start as well, for a process that never ran; of one that did, the first answer counts. */
export function endedAnswer(ended: ProcessEnded): Buffer<ArrayBuffer> {
  const answers: UnitAnswer[] = [
    [STARTED, 1, null, 0],
    [ENDED, 1, ended, 0],
  ];
  return encode(answers);
}
