import { visibleLines } from "./visible.ts";

/** Where manyhands writes what its user should know. `console` fits. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
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
