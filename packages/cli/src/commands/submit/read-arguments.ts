import { readFile } from "node:fs/promises";
import { withoutByteOrderMark } from "@manyhands/core/internal";
import { whyUnreadable } from "../../failure/unreadable-file.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { shorten } from "../../output/printer.ts";

/**
 * The argument list of a call: one JSON value per word, or one JSON array from a file or from stdin (`-`).
 * @throws UsageError saying which argument is not JSON, and where
 */
export async function readArguments(words: readonly string[], file: string | undefined): Promise<unknown[]> {
  if (file !== undefined && words.length > 0) {
    throw new UsageError(
      `give the arguments as words or with --args-file, not both; got ${words.length} ${words.length === 1 ? "word" : "words"} and "${file}"`,
    );
  }
  const source = file ?? (words.length === 1 && words[0] === "-" ? "-" : undefined);
  return source === undefined ? words.map(parseWord) : parseList(await readSource(source), source);
}

function parseWord(word: string, index: number): unknown {
  try {
    return JSON.parse(withoutByteOrderMark(word));
  } catch (error) {
    const hint = /^[\p{L}_]/u.test(word) ? `; a text needs quotes: '${JSON.stringify(word)}'` : "";
    throw new UsageError(`argument ${index + 1} is not JSON: ${shorten(word, 60)}: ${reasonOf(error)}${hint}`);
  }
}

async function readSource(source: string): Promise<string> {
  if (source === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  }
  try {
    return await readFile(source, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read the arguments from "${source}": ${whyUnreadable(error)}`);
  }
}

/**
 * The argument list that a text holds.
 * @param source - Where it comes from, for messages; `-` is stdin.
 * @throws UsageError
 */
export function parseList(text: string, source: string): unknown[] {
  const where = source === "-" ? "stdin" : source;
  let value: unknown;
  try {
    value = JSON.parse(withoutByteOrderMark(text));
  } catch (error) {
    throw new UsageError(`${where} is not JSON: ${reasonOf(error)}`);
  }
  if (Array.isArray(value)) return value;
  throw new UsageError(
    `${where} must hold a JSON array with all arguments, such as [7, "x"]; got ${shorten(text.trim(), 60)}`,
  );
}

/** V8 repeats the text itself, which has been shown already. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/,? ?(\.\.\.)?".*" is not valid JSON$/s, "");
}
