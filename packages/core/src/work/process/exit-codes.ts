import type { ProcessEnding } from "../../wire/records/records.ts";

/** The signal that ends a process in that way. */
export const SIGNALS: Readonly<{ terminate: "SIGTERM"; kill: "SIGKILL"; interrupt: "SIGINT" }> = {
  terminate: "SIGTERM",
  kill: "SIGKILL",
  interrupt: "SIGINT",
};

const CODES: Readonly<Record<ProcessEnding, number>> = { terminate: -15, kill: -9, interrupt: -2 };

/** Exit code of a process that was ended by a signal: its number, negative, as in Python (P6). */
export function exitCodeOfEnding(how: ProcessEnding): number {
  return CODES[how];
}
