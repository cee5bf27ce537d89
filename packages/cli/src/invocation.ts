import { DEFAULT_REDIS_URL, resolveRedis } from "@manyhands/core/internal";
import { Command, Option } from "commander";
import type { ExitCode } from "./failure/exit-code.ts";
import { UsageError } from "./failure/usage-error.ts";
import { type Examples, giveExamples, SHARED_GROUP } from "./help.ts";
import { Printer } from "./output/printer.ts";
import { resolveSettings, type Settings } from "./settings/settings.ts";

/** One call of a command: what was typed, and what it is to use. */
export interface Invocation<Options = Record<string, never>> {
  /** Arguments in order; a variadic one is a list. */
  args: (string | string[] | undefined)[];
  options: Options;
  settings: Settings;
  printer: Printer;
}

/** What a command is called and how it is explained. */
export interface CommandText {
  summary: string;
  /** @defaultValue for a group of commands: one of each of the first */
  examples?: Examples;
}

export function newCommand(name: string, text: CommandText): Command {
  const command = new Command(name).description(text.summary);
  if (text.examples) giveExamples(command, text.examples);
  return command;
}

/** The option of commands that print a table. */
export function wideOption(): Option {
  return new Option("--wide", "show all columns in full, even if the terminal is narrower");
}

/** The options that all commands have; they may stand before or after a command's name. */
export function addSharedOptions(command: Command): Command {
  const group = SHARED_GROUP;
  return command
    .addHelpOption(new Option("-h, --help", "show this help").helpGroup(group))
    .addOption(new Option("-o, --output <format>", "table, json or ndjson (default: table)").helpGroup(group))
    .addOption(
      new Option(
        "--redis <url>",
        `URL of Redis; also rediss://, redis+sentinel://, redis+cluster:// (default: ${DEFAULT_REDIS_URL})`,
      ).helpGroup(group),
    )
    .addOption(
      new Option("--namespace <name>", "namespace of the pools, tasks and hosts (default: manyhands)").helpGroup(group),
    )
    .addOption(
      new Option(
        "--context <name>",
        "work at this context (default: MANYHANDS_CONTEXT, then the current one of manyhands config contexts)",
      ).helpGroup(group),
    )
    .addOption(new Option("--verbose", "show stacks of errors").helpGroup(group));
}

/** Turns a command's work into an action of commander; its exit code becomes that of the process. */
export function action<Options>(
  work: (invocation: Invocation<Options>) => Promise<ExitCode>,
): (this: Command, ...raw: unknown[]) => Promise<void> {
  return async function (this: Command): Promise<void> {
    const settings = resolveSettings(this);
    const done = work({
      args: this.processedArgs as (string | string[] | undefined)[],
      options: this.opts() as Options,
      settings,
      printer: new Printer(settings.output.value, {
        wide: (this.opts() as { wide?: true }).wide === true,
        width: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
      }),
    });
    process.exitCode = await done.catch((error) => {
      throw namingOption(error, settings);
    });
  };
}

/** An error that the URL of Redis causes names the option or variable that the URL comes from. */
function namingOption(error: unknown, { redis: { value, source } }: Settings): unknown {
  const message = error instanceof Error ? error.message : undefined;
  if (message === undefined || message !== faultOf(value)) return error;
  return new UsageError(message.startsWith("redis ") ? message.replace("redis", source) : `${source}: ${message}`, {
    cause: error,
  });
}

function faultOf(url: string): string | null {
  try {
    resolveRedis(url);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
