import { ValueError } from "../errors/index.ts";
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
  /** Of the child. */
  pid?: number;
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

/** @throws ValueError for what cannot be logged to; `undefined` means that none is given */
export function assertLogger(given: unknown): void {
  if (given === undefined) return;
  const methods = ["info", "warn", "error"];
  const missing = methods.filter((name) => typeof (given as Record<string, unknown> | null)?.[name] !== "function");
  if (missing.length === 0) return;
  const of = given === null ? "null" : typeof given;
  throw new ValueError(
    `logger must have the methods ${methods.join(", ")}, as console has; got ${of} without ${missing.join(", ")}`,
  );
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
