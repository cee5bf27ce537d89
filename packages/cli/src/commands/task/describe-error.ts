import type { ErrorView } from "@manyhands/core/internal";

/** An error with its remote stack, host and pid. */
export function describeError(error: ErrorView): string {
  const head = `${error.name}: ${error.message}`;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const where = error.host === null ? [] : [`  on ${error.host}${error.pid === null ? "" : `, pid ${error.pid}`}`];
  const cause = error.cause === null ? [] : [`caused by ${describeError(error.cause)}`];
  return [head, ...where, ...frames, ...cause].join("\n");
}
