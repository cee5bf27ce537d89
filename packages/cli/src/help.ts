import type { Argument, Command, Help, Option } from "commander";

/** Calls that work as they stand, each with a few words. */
export type Examples = readonly (readonly [call: string, words: string])[];

const EXAMPLES = new WeakMap<Command, Examples>();
/** Examples of a group of commands that has none of its own: the first one of so many of its commands. */
const BORROWED = 5;

/** Has the help of a command end with examples. */
export function giveExamples(command: Command, examples: Examples): void {
  EXAMPLES.set(command, examples);
}

/**
 * The help of a command: what it does, its arguments, the commands below it, its own options, examples, and at the end what
 * all commands have in common.
 */
export function formatHelp(command: Command, help: Help): string {
  const width = help.padWidth(command, help);
  const item = (term: string, text: string): string => help.formatItem(term, width, text, help);
  const section = (title: string, items: string[]): string[][] =>
    items.length === 0 ? [] : [[help.styleTitle(title), ...items]];
  const ofArgument = (argument: Argument): string =>
    item(help.styleArgumentTerm(help.argumentTerm(argument)), help.argumentDescription(argument));
  const ofCommand = (child: Command): string =>
    item(help.styleSubcommandTerm(help.subcommandTerm(child)), help.subcommandDescription(child));
  const ofOption = (option: Option): string =>
    item(help.styleOptionTerm(help.optionTerm(option)), help.optionDescription(option));

  const children = groups(help.visibleCommands(command), (child) => child.helpGroup() || "Commands:");
  const options = groups(help.visibleOptions(command), (option) => option.helpGroupHeading ?? "Options:");
  const own = options.filter(([group]) => group !== SHARED_GROUP);
  const shared = options.filter(([group]) => group === SHARED_GROUP);
  const sections = [
    [`${help.styleTitle("Usage:")} ${help.styleUsage(help.commandUsage(command))}`],
    [help.boxWrap(help.styleCommandDescription(help.commandDescription(command)), help.helpWidth ?? 80)],
    ...section("Arguments:", help.visibleArguments(command).map(ofArgument)),
    ...children.flatMap(([group, commands]) => section(group, commands.map(ofCommand))),
    ...own.flatMap(([group, list]) => section(group, list.map(ofOption))),
    ...section("Examples:", exampleLines(command, help.helpWidth ?? 80)),
    ...shared.flatMap(([group, list]) => section(group, list.map(ofOption))),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** Heading of the options that all commands have. */
export const SHARED_GROUP = "On every command:";

/** `ls|list`, `show <id>`: that there are options need not be said of each. */
export function subcommandTerm(command: Command): string {
  const words = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [[command.name(), ...command.aliases()].join("|"), ...words].join(" ");
}

function groups<Item>(items: readonly Item[], groupOf: (item: Item) => string): [string, Item[]][] {
  const found = new Map<string, Item[]>();
  for (const item of items) found.set(groupOf(item), [...(found.get(groupOf(item)) ?? []), item]);
  return [...found];
}

/** The words beside the calls where there is room, else below them. */
function exampleLines(command: Command, width: number): string[] {
  const examples = examplesOf(command);
  const longest = Math.max(...examples.map(([call]) => call.length));
  const beside = examples.map(([call, words]) => `  $ ${call.padEnd(longest)}   # ${words}`);
  if (beside.every((line) => line.length <= width)) return beside;
  return examples.flatMap(([call, words]) => [`  $ ${call}`, `      ${words}`]);
}

function examplesOf(command: Command): Examples {
  const own = EXAMPLES.get(command);
  if (own) return own;
  return command.commands.flatMap((child) => EXAMPLES.get(child)?.slice(0, 1) ?? []).slice(0, BORROWED);
}
