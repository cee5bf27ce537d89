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
    process.stderr.write(`manyhands: warning: ${message}\n`);
  },
  error(message) {
    process.stderr.write(`manyhands: error: ${message}\n`);
  },
};
