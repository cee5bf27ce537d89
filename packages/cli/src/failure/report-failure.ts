import { visibleLines } from "@manyhands/core/internal";
import { CommanderError } from "commander";
import { colors } from "../output/colors.ts";
import { type ExitCode, exitCodeOf } from "./exit-code.ts";
import { UsageError } from "./usage-error.ts";

/** Says on stderr why a command ended, in as few lines as possible; the stack only on request. */
export function reportFailure(error: unknown, options: { verbose: boolean }): ExitCode {
  // Commander has already written its own errors.
  if (error instanceof CommanderError) return exitCodeOf(error);
  const message = error instanceof Error ? error.message || error.name : String(error);
  process.stderr.write(`${colors.red("error:")} ${visibleLines(message, error instanceof UsageError ? "" : "  ")}\n`);
  if (options.verbose && error instanceof Error) process.stderr.write(`${visibleLines(describeStack(error), "  ")}\n`);
  return exitCodeOf(error);
}

function describeStack(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${describeStack(error.cause)}` : own;
}
