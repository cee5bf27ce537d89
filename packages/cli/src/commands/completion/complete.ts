import { visibleLine } from "@manyhands/core/internal";
import type { Argument, Command, Option } from "commander";
import { type Candidate, FILES, type Source, sourceOf } from "./sources.ts";
import { readLine, type TypedLine, visibleCommands, visibleOptions } from "./typed-line.ts";

/** Candidates that a shell is given at most. */
const MOST = 200;
/** Columns of a description. */
const LONGEST_WORDS = 70;

/**
 * What the last word could become: the first line is `values` or `files`, each other line a value, a tab and a few words
 * on it. Commands, options and choices come from the commands' own definitions, names and ids from Redis.
 */
export async function complete(program: Command, words: readonly string[]): Promise<string> {
  const line = readLine(program, words);
  const { found, prefix, lead } = await candidatesAt(line);
  if (found === FILES) return `files\t${lead}\n`;
  const fitting = found.filter(({ value }) => value.startsWith(prefix) && isTypable(value)).slice(0, MOST);
  return ["values", ...fitting.map(({ value, words: text }) => `${lead}${value}\t${describe(text)}`), ""].join("\n");
}

interface Search {
  found: Candidate[] | typeof FILES;
  prefix: string;
  lead: string;
}

async function candidatesAt(line: TypedLine): Promise<Search> {
  const { command, place } = line;
  switch (place.kind) {
    case "nothing":
      return { found: [], prefix: "", lead: "" };
    case "command":
      return { found: visibleCommands(command).map(ofCommand), prefix: place.prefix, lead: "" };
    case "option": {
      const left = visibleOptions(command).filter(
        (option) => option.variadic || isRepeatable(option) || !line.given.has(option.attributeName()),
      );
      return { found: left.flatMap(ofOption), prefix: place.prefix, lead: "" };
    }
    case "argument": {
      if (command.name() === "help") return { found: ofHelp(line), prefix: place.prefix, lead: "" };
      const found = await valuesOf(place.argument, line, place.prefix);
      // The same task is not named twice.
      const others = found === FILES ? found : found.filter(({ value }) => !line.operands.includes(value));
      return { found: others, prefix: place.prefix, lead: "" };
    }
    case "value": {
      const { option, prefix, lead } = place;
      const source = sourceOf(option, command);
      if (!isList(option) || (source === undefined && !option.argChoices))
        return { found: await valuesOf(option, line, prefix), prefix, lead };
      // `a,b`: the part behind the last comma is completed.
      const start = prefix.lastIndexOf(",") + 1;
      const taken = prefix.slice(0, start).split(",");
      const found = await valuesOf(option, line, prefix.slice(start));
      return {
        found: found === FILES ? found : found.filter(({ value }) => !taken.includes(value)),
        prefix: prefix.slice(start),
        lead: lead + prefix.slice(0, start),
      };
    }
  }
}

async function valuesOf(of: Option | Argument, line: TypedLine, prefix: string): Promise<Candidate[] | typeof FILES> {
  if (of.argChoices) return of.argChoices.map((value) => ({ value }));
  const source: Source | typeof FILES | undefined = sourceOf(of, line.command);
  if (source === undefined || source === FILES) return source ?? [];
  return source({ ...line, prefix });
}

function ofCommand(command: Command): Candidate {
  return { value: command.name(), words: command.description() };
}

function ofOption(option: Option): Candidate[] {
  return option.long ? [{ value: option.long, words: option.description }] : [];
}

/** `help task show`: the commands below those that are named already. */
function ofHelp({ command, operands }: TypedLine): Candidate[] {
  let at = command.parent as Command;
  for (const name of operands) at = at.commands.find((child) => child.name() === name) ?? at;
  return visibleCommands(at).map(ofCommand);
}

function isRepeatable({ description }: Option): boolean {
  return description.includes("may be repeated");
}

function isList({ flags }: Option): boolean {
  return flags.includes("<a,b>");
}

/** Names come from anywhere: a shell gets none that could act on the terminal or end its line. */
function isTypable(value: string): boolean {
  return value !== "" && visibleLine(value) === value;
}

function describe(words = ""): string {
  const line = visibleLine(words.replaceAll(/\s+/g, " "));
  return line.length > LONGEST_WORDS ? `${line.slice(0, LONGEST_WORDS - 1)}…` : line;
}
