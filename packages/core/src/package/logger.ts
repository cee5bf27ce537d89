import { visibleLines } from "./visible.ts";

/** What a line of a log is about, for loggers that keep more than text. */
export interface LogFacts {
  pool?: string;
  task?: string;
  /** Of the job. */
  id?: string;
  /** Which try it was, from 1. */
  attempt?: number;
  /** Milliseconds. */
  duration?: number;
  /** Until the next try, milliseconds. */
  retryIn?: number;
  /** Of the child. */
  pid?: number;
  /** In which step of stopping the host is. */
  step?: "quiet" | "warm" | "cold" | "kill";
  error?: { name: string; message: string; stack?: string };
  /** Arguments of the call; only where they were asked for. */
  args?: string;
}

/** Where manyhands writes what its user should know. `console` fits. */
export interface Logger {
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
  /** Hears what is of interest only when something is looked for. */
  debug?(message: string, facts?: LogFacts): void;
}

/** Warnings and errors on stderr, nothing else. */
export const stderrLogger: Logger = {
  info() {},
  warn(message) {
    process.stderr.write(`manyhands: warning: ${visibleLines(message, "  ")}\n`);
  },
  error(message) {
    process.stderr.write(`manyhands: error: ${visibleLines(message, "  ")}\n`);
  },
};
