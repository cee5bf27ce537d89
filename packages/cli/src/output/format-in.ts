import { FORMATS, type OutputFormat } from "./output-format.ts";

/** The format that a command line asks for, before it is understood: errors of it are written in that format too. */
export function formatIn(words: readonly string[]): OutputFormat {
  let format: OutputFormat = "table";
  for (const [index, word] of words.entries()) {
    if (word === "--") break;
    const given =
      /^(?:--output=|-o=?)(.+)$/.exec(word)?.[1] ?? (/^(?:-o|--output)$/.test(word) ? words[index + 1] : undefined);
    const known = FORMATS.find((one) => one === given);
    if (known !== undefined) format = known;
  }
  return format;
}
