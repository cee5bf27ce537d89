import { visibleJson, visibleLines } from "@manyhands/core/internal";
import { CommanderError } from "commander";
import { colors } from "../output/colors.ts";
import type { OutputFormat } from "../output/output-format.ts";
import { type ExitCode, exitCodeOf } from "./exit-code.ts";
import { UsageError } from "./usage-error.ts";

/** Why a command ended, as one line of JSON on stderr. */
export interface ReportedError {
  /** Such as ERR_USAGE; null = it has none. */
  code: string | null;
  name: string;
  message: string;
  /** What to do, where the message says it. */
  hint: string | null;
  exitCode: ExitCode;
  /** With --verbose. */
  stack?: string;
}

/**
 * Says on stderr why a command ended: for people in as few lines as possible, for programs as JSON; the stack only on request.
 */
export function reportFailure(error: unknown, options: { verbose: boolean; format: OutputFormat }): ExitCode {
  const { verbose, format } = options;
  const exitCode = exitCodeOf(error);
  // Commander has already written its own errors for people.
  if (error instanceof CommanderError && (format === "table" || exitCode === 0)) return exitCode;
  if (format !== "table") {
    const report = toReport(error, exitCode);
    if (verbose && error instanceof Error) report.stack = describeStack(error);
    process.stderr.write(`${visibleJson(JSON.stringify(report))}\n`);
    return exitCode;
  }
  const message = messageOf(error);
  process.stderr.write(`${colors.red("error:")} ${visibleLines(message, error instanceof UsageError ? "" : "  ")}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${visibleLines(describeStack(error), "  ")}\n`);
  return exitCode;
}

function toReport(error: unknown, exitCode: ExitCode): ReportedError {
  if (error instanceof CommanderError) return commandersReport(error, exitCode);
  const message = messageOf(error);
  const { code } = (error ?? {}) as { code?: unknown };
  return {
    code: typeof code === "string" ? code : null,
    name: error instanceof Error ? error.name : "Error",
    message,
    hint: hintIn(message),
    exitCode,
  };
}

/** A command line that is wrong in itself. */
function commandersReport({ code, message: given }: CommanderError, exitCode: ExitCode): ReportedError {
  const isIncomplete = code === "commander.help";
  const text = isIncomplete ? "the name of a command is missing" : given.replace(/^error: /, "");
  const [, suggestion] = /\((Did you mean .*\?)\)/s.exec(text) ?? [];
  const message = text.replace(/\n\(Did you mean .*\?\)/s, "").trim();
  const hint = suggestion ?? "add --help for how to use it";
  return { code: "ERR_USAGE", name: "UsageError", message, hint, exitCode };
}

/** Messages say what was wrong, what was got, and at last what to do. */
function hintIn(message: string): string | null {
  const last = /; ([^;]+)$/s.exec(message)?.[1];
  return last === undefined || /^got /.test(last) ? null : last;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function describeStack(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${describeStack(error.cause)}` : own;
}
