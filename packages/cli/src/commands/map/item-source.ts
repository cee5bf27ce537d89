import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { withoutByteOrderMark } from "@manyhands/core/internal";
import { whyUnreadable } from "../../failure/unreadable-file.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { shorten } from "../../output/printer.ts";
import { MAX_PAYLOAD } from "../submit/destination.ts";
import { reasonOf } from "../submit/read-arguments.ts";

/** One value of the input and the number of its line, from 1. */
export interface Item {
  line: number;
  value: unknown;
}

/** NDJSON, read no faster than it is used. */
export interface ItemSource {
  /** Values line by line. @throws UsageError at a line that is not JSON, naming it */
  lines(): AsyncGenerator<Item>;
  /** Number of values, when it can be known beforehand. */
  count(): Promise<number | null>;
  close(): void;
}

/** @throws UsageError when the file cannot be read */
export async function openItems(path: string): Promise<ItemSource> {
  if (path !== "-") await assertReadable(path);
  const where = path === "-" ? "stdin" : path;
  const input: Readable = path === "-" ? process.stdin : createReadStream(path);
  return {
    lines: () => parseLines(input, where),
    count: async () => (path === "-" || !process.stderr.isTTY ? null : countLines(path)),
    close: () => void input.destroy(),
  };
}

async function assertReadable(path: string): Promise<void> {
  const found = await stat(path).catch((error: Error) => error);
  if (found instanceof Error) throw new UsageError(`cannot read items from "${path}": ${whyUnreadable(found)}`);
  if (found.isDirectory()) throw new UsageError(`cannot read items from "${path}": it is a folder`);
}

async function* parseLines(input: Readable, where: string): AsyncGenerator<Item> {
  let line = 0;
  for await (const raw of linesOf(input)) {
    line += 1;
    // Not on the first line alone: "cat a b" puts one in the middle.
    const text = withoutByteOrderMark(raw);
    if (text.trim() === "") continue;
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_PAYLOAD) {
      throw new UsageError(`line ${line} of ${where} is ${bytes} bytes, at most ${MAX_PAYLOAD} can be sent`);
    }
    yield { line, value: parse(text, line, where) };
  }
}

/** Ended by \n alone: JSON may hold as they are what ends lines elsewhere, such as U+2028. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of input.setEncoding("utf8")) {
    const [first = "", ...more] = (chunk as string).split("\n");
    rest += first;
    for (const next of more) {
      yield rest;
      rest = next;
    }
  }
  if (rest !== "") yield rest;
}

function parse(text: string, line: number, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`line ${line} of ${where} is not JSON: ${shorten(text, 60)}: ${reasonOf(error)}`);
  }
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const text of linesOf(createReadStream(path))) if (text.trim() !== "") count += 1;
  return count;
}
