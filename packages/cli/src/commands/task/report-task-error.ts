import { viewError } from "@manyhands/core/internal";
import { EXIT, type ExitCode, exitCodeOfTask } from "../../failure/exit-code.ts";
import { colors } from "../../output/colors.ts";
import type { Printer } from "../../output/printer.ts";
import { describeError } from "./describe-error.ts";

/** Says on stderr with which error a task ended: for people with its remote stack, for programs as one line of JSON. */
export function reportTaskError(
  error: unknown,
  { id, title, printer }: { id: string; title: string; printer: Printer },
): ExitCode {
  const view = viewError(error);
  const exitCode = exitCodeOfTask(error);
  if (printer.format !== "table") {
    const { code, name, message, host, pid, stack } = view;
    printer.failure({ code: code ?? null, name, message, hint: null, exitCode, id, host, pid, stack });
    return exitCode;
  }
  if (exitCode === EXIT.cancelled) {
    // Where it was cancelled is in the code of no task.
    printer.words(view.message, { paint: (text) => `${colors.red("cancelled:")} ${text}` });
    return exitCode;
  }
  const what = exitCode === EXIT.timedOut ? "timed out:" : "failed:";
  printer.words(title, { paint: (text) => `${colors.red(what)} ${text}` });
  for (const line of describeError(view)) printer.words(line);
  return exitCode;
}

/** Says on stderr that a task was not finished in time. */
export function reportLate(message: string, { id, printer }: { id: string; printer: Printer }): ExitCode {
  const exitCode = EXIT.timedOut;
  if (printer.format === "table") printer.words(message, { paint: (text) => `${colors.red("timed out:")} ${text}` });
  else printer.failure({ code: "ERR_TIMEOUT", name: "TimeoutError", message, hint: null, exitCode, id });
  return exitCode;
}
