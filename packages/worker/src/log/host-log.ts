import type { LogFacts, Logger } from "@manyhands/core";

/** From the most talkative to the quietest. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Takes a line that is to be kept. */
export type KeepLine = (level: "info" | "warn" | "error", message: string, facts?: LogFacts) => void;

/** The log of a host: forwards messages at or above its level. */
export class HostLog implements Logger {
  readonly level: LogLevel;
  readonly #target: Logger;
  readonly #least: number;
  #keep: KeepLine | undefined;

  constructor(target: Logger, level: LogLevel) {
    this.level = level;
    this.#target = target;
    this.#least = LOG_LEVELS.indexOf(level);
  }

  /** From now on each line from the level "info" on is kept as well, also where the log shows less. */
  keepIn(keep: KeepLine): void {
    this.#keep = keep;
  }

  /** Whether lines of that level are written: a line that costs something to make need not be made. */
  isEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#least && (level !== "debug" || this.#target.debug !== undefined);
  }

  debug(message: string, facts?: LogFacts): void {
    this.#write("debug", message, facts);
  }

  info(message: string, facts?: LogFacts): void {
    this.#write("info", message, facts);
  }

  warn(message: string, facts?: LogFacts): void {
    this.#write("warn", message, facts);
  }

  error(message: string, facts?: LogFacts): void {
    this.#write("error", message, facts);
  }

  #write(level: LogLevel, message: string, facts: LogFacts | undefined): void {
    if (level !== "debug") this.#keep?.(level, message, facts);
    if (!this.isEnabled(level)) return;
    // `console` would print an argument that says nothing.
    if (facts === undefined) this.#target[level]?.(message);
    else this.#target[level]?.(message, facts);
  }
}
