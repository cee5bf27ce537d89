import type { Argument, Command, Option } from "commander";

/** What the last word of a typed line is part of. */
export type Place =
  | { kind: "command"; prefix: string }
  | { kind: "option"; prefix: string }
  /** `lead` is what stands before the value in the same word, such as `--output=`. */
  | { kind: "value"; option: Option; prefix: string; lead: string }
  | { kind: "argument"; argument: Argument; prefix: string }
  | { kind: "nothing" };

/** A line of words as far as it has been typed. */
export interface TypedLine {
  /** The command that the words before the last one name. */
  command: Command;
  /** Options of it and of those above it that have been typed, by their names as attributes. */
  given: Map<string, Option>;
  /** Arguments of the command before the last word. */
  operands: string[];
  place: Place;
}

/**
 * Reads words as commander would, but to the end of an unfinished line and without a complaint. The values of options are
 * set in the commands, so that settings can be taken from them.
 */
export function readLine(program: Command, words: readonly string[]): TypedLine {
  const current = words.at(-1) ?? "";
  let command = program;
  let open: Option | undefined;
  let onlyOperands = false;
  const given = new Map<string, Option>();
  const operands: string[] = [];
  const take = (option: Option, value: string | true): void => {
    given.set(option.attributeName(), option);
    command.setOptionValue(option.attributeName(), value);
  };
  for (const word of words.slice(0, -1)) {
    if (open && !(word.startsWith("-") && (open.variadic || open.optional))) {
      take(open, word);
      if (!open.variadic) open = undefined;
      continue;
    }
    open = undefined;
    if (onlyOperands || !word.startsWith("-") || word === "-") {
      const child = operands.length === 0 && !onlyOperands ? childOf(command, word) : undefined;
      if (child) command = child;
      else operands.push(word);
      // What follows the script of `run` belongs to the script.
      if (!child && passesThrough(command)) onlyOperands = true;
    } else if (word === "--") {
      onlyOperands = true;
    } else {
      const [name = "", value] = split(word);
      const option = optionOf(command, name);
      if (option && takesValue(option) && value === undefined) open = option;
      if (option) take(option, value ?? true);
    }
  }
  return { command, given, operands, place: placeOf({ command, operands, open, onlyOperands, current }) };
}

interface Reading {
  command: Command;
  operands: readonly string[];
  open: Option | undefined;
  onlyOperands: boolean;
  current: string;
}

function placeOf({ command, operands, open, onlyOperands, current }: Reading): Place {
  const looksLikeOption = current.startsWith("-") && !onlyOperands;
  if (open && !(looksLikeOption && (open.variadic || open.optional))) {
    return { kind: "value", option: open, prefix: current, lead: "" };
  }
  if (looksLikeOption) {
    const [name = "", value] = split(current);
    if (value === undefined) return { kind: "option", prefix: current };
    const option = optionOf(command, name);
    if (!option || !takesValue(option)) return { kind: "nothing" };
    return { kind: "value", option, prefix: value, lead: `${name}=` };
  }
  if (command.commands.length > 0 && operands.length === 0) return { kind: "command", prefix: current };
  const declared = command.registeredArguments;
  const argument = declared[operands.length] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  return argument ? { kind: "argument", argument, prefix: current } : { kind: "nothing" };
}

/** Commands of a command that are for people. */
export function visibleCommands(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

/** Options of a command that are for people. */
export function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

function childOf(command: Command, word: string): Command | undefined {
  return command.commands.find((child) => child.name() === word || child.aliases().includes(word));
}

function optionOf(command: Command, name: string): Option | undefined {
  return command.options.find((option) => option.long === name || option.short === name);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function split(word: string): [name: string, value?: string] {
  const at = word.indexOf("=");
  return at < 0 || !word.startsWith("--") ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function passesThrough(command: Command): boolean {
  return (command as Command & { _passThroughOptions?: boolean })._passThroughOptions === true;
}
