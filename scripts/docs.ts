import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.ts";

/** One fenced block of a Markdown page. */
export interface Block {
  /** Relative to the workspace. */
  page: string;
  /** The line of its opening fence, from 1. */
  line: number;
  /** The words after the fence: "ts", "ts run", "sh". */
  language: string;
  code: string;
}

/** A file that a page shows in a TypeScript block. */
export interface Snippet {
  page: string;
  line: number;
  /** A folder name shared by the snippets that import each other. */
  chapter: string;
  /** The name the block gives itself in its first line (`// tasks.ts`), else one made from its place. */
  name: string;
  code: string;
  /** The block is marked `ts run`: it is a whole program, which must end by itself with exit code 0. */
  runs: boolean;
}

/** Every page of the documentation, relative to the workspace. */
export function pages(): string[] {
  const places = [
    "*",
    "docs/**/*",
    "packages/*/README",
    "packages/*/src/**/README",
    "examples/**/*",
    "benchmarks/**/*",
  ];
  return globSync(
    places.map((place) => `${place}.md`),
    { cwd: ROOT },
  ).sort();
}

export function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

export function blocks(page: string): Block[] {
  const fence = /^(`{3,})([^\n`]*)\n([\s\S]*?)^\1[ \t]*$/gm;
  const text = read(page);
  return [...text.matchAll(fence)].map((match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length,
    language: (match[2] ?? "").trim(),
    code: match[3] ?? "",
  }));
}

/**
 * The files shown by a page's `ts` blocks, but not by those marked `ts fragment`. A block that names no file is one
 * file; a line `// name.ts` starts another. When a page shows a name again, a new chapter begins.
 */
export function snippets(page: string): Snippet[] {
  const found: Snippet[] = [];
  let chapter = 1;
  for (const block of blocks(page)) {
    const [language, ...marks] = block.language.split(/\s+/);
    if (language !== "ts" || marks.includes("fragment")) continue;
    const files = splitFiles(block);
    const taken = (name: string): boolean =>
      found.some((one) => one.name === name && one.chapter === chapterName(page, chapter));
    if (files.some((file) => taken(file.name))) chapter += 1;
    for (const file of files) {
      found.push({ ...file, page, chapter: chapterName(page, chapter), runs: marks.includes("run") });
    }
  }
  return found;
}

function splitFiles(block: Block): { name: string; code: string; line: number }[] {
  const files: { name: string; code: string; line: number }[] = [];
  block.code.split("\n").forEach((text, index) => {
    const name = /^\/\/ ([\w-]+\.ts)\b/.exec(text)?.[1];
    const line = block.line + 1 + index;
    if (name !== undefined) files.push({ name, code: "", line });
    else if (files.length === 0) files.push({ name: `line-${block.line}.ts`, code: "", line });
    const current = files.at(-1);
    if (current) current.code += `${text}\n`;
  });
  return files.filter((file) => file.code.trim() !== "");
}

function chapterName(page: string, chapter: number): string {
  return `${page.replace(/\.md$/, "").replaceAll("/", "-")}-${chapter}`;
}
