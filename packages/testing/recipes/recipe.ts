import { globSync } from "node:fs";
import { blocks, read } from "../../../scripts/docs.ts";
import { ROOT } from "../../../scripts/root.ts";

/** One line of a page's `sh` block. */
export interface Command {
  /** As in the page. */
  text: string;
  /** What follows `# `: text that the command prints, or that shows that the program is up. */
  prints: string;
  where: string;
}

/**
 * What a block of the page is: a file that names itself in its first line (`// src/main.ts`); `sh install`: npm's
 * commands; `sh run`: commands that end with 0; `sh serve`: programs that run until the recipe is over.
 */
export type Step =
  | { is: "file"; name: string; text: string }
  | { is: "install" | "run" | "serve"; commands: readonly Command[] };

/** A page of docs/recipes or, where its sections have steps that run, one of these sections with the page's beginning. */
export interface Recipe {
  name: string;
  page: string;
  steps: readonly Step[];
}

interface Section {
  title: string;
  steps: Step[];
}

export function recipes(): Recipe[] {
  return globSync("docs/recipes/*.md", { cwd: ROOT }).sort().flatMap(recipesOf);
}

function recipesOf(page: string): Recipe[] {
  const [beginning, ...sections] = sectionsOf(page);
  const running = sections.filter(({ steps }) => steps.some(({ is }) => is === "run"));
  if (running.length === 0) {
    const steps = [beginning, ...sections].flatMap((section) => section?.steps ?? []);
    return [{ name: beginning?.title ?? page, page, steps }];
  }
  return running.map(({ title, steps }) => ({
    name: `${beginning?.title}: ${title}`,
    page,
    steps: [...(beginning?.steps ?? []), ...steps],
  }));
}

/** The page's beginning first, then what stands below each heading of the second level. */
function sectionsOf(page: string): Section[] {
  const all = blocks(page);
  const inBlock = (line: number): boolean =>
    all.some((block) => line > block.line && line <= block.line + block.code.split("\n").length);
  const headings = read(page)
    .split("\n")
    .map((text, index) => ({ title: /^##? (.+)/.exec(text)?.[1], line: index + 1 }))
    .filter((heading): heading is { title: string; line: number } => !inBlock(heading.line) && !!heading.title);
  return headings.map(({ title, line }, index) => {
    const end = headings[index + 1]?.line ?? Number.POSITIVE_INFINITY;
    return { title, steps: all.filter((block) => block.line > line && block.line < end).flatMap(stepOf) };
  });
}

function stepOf({ language, code, page, line }: ReturnType<typeof blocks>[number]): Step[] {
  const [, name] = /^\/\/ ([\w./[\]-]+\.\w+)\n/.exec(code) ?? [];
  if (name !== undefined) return [{ is: "file", name, text: code }];
  const [, is] = /^sh (install|run|serve)$/.exec(language) ?? [];
  return is === undefined ? [] : [{ is: is as "install" | "run" | "serve", commands: commandsOf(code, page, line) }];
}

function commandsOf(code: string, page: string, line: number): Command[] {
  return code.split("\n").flatMap((text, index) => {
    const [, command = "", prints = ""] = /^(\S.*?)(?:\s+# ?(.*))?$/.exec(text) ?? [];
    return command === "" ? [] : [{ text: command, prints, where: `${page}:${line + 1 + index}` }];
  });
}
