import type { ErrorView } from "@manyhands/core/internal";

/** The lines of an error with its remote stack, host and pid. What follows the first line is indented. */
export function describeError(error: ErrorView): string[] {
  const [head = "", ...more] = `${error.name}: ${error.message}`.split("\n");
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const where = error.host === null ? [] : [`  on ${error.host}${error.pid === null ? "" : `, pid ${error.pid}`}`];
  const cause = error.cause === null ? [] : describeError(error.cause);
  if (cause.length > 0) cause[0] = `caused by ${cause[0]}`;
  return [head, ...more.map((line) => `  ${line}`), ...where, ...frames, ...cause];
}
