import { task } from "@manyhands/core";
import { noted } from "../stage.ts";

/** One text file, read by the main program: hosts on other machines do not see its disk. */
export interface TextFile {
  path: string;
  text: string;
}

export function wordsOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}[\p{L}\p{N}']*/gu))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

export const countWords = task("word-count.countWords", (file: TextFile) => noted(() => wordsOf(file.text)));
