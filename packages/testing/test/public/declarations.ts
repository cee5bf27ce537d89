import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The declarations of what an entry exports, by name, without comments and private fields. */
export function publicDeclarations(entry: string): string {
  const found = [...exportsOf(entry)].sort(([left], [right]) => (left < right ? -1 : 1));
  return found.map(([name, place]) => declarationOf(name, place)).join("\n");
}

interface Place {
  file: string;
  /** Its name there. */
  name: string;
}

/** Where each exported name is declared. */
function exportsOf(file: string): Map<string, Place> {
  const text = readFileSync(file, "utf8");
  const names = new Map<string, Place>();
  for (const [, list = "", from] of text.matchAll(/export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?;/g)) {
    for (const item of list.split(",").map((part) => part.trim().replace(/^type /, ""))) {
      const [name = "", renamed = name] = item.split(" as ");
      if (name !== "") names.set(renamed, from === undefined ? { file, name } : resolved(file, from, name));
    }
  }
  for (const [, from = ""] of text.matchAll(/export \* from "([^"]+)";/g)) {
    for (const [name, place] of exportsOf(neighbour(file, from))) names.set(name, place);
  }
  for (const [, name = ""] of text.matchAll(DECLARED)) names.set(name, { file, name });
  return names;
}

const DECLARED = /^export (?:declare )?(?:abstract )?(?:class|function|const|type|interface) (\w+)/gm;

function resolved(file: string, from: string, name: string): Place {
  const place = exportsOf(neighbour(file, from)).get(name);
  if (!place) throw new Error(`${file} exports ${name}, which ${from} does not have`);
  return place;
}

function neighbour(file: string, from: string): string {
  return join(dirname(file), from.replace(/\.(?:ts|js)$/, ".d.ts"));
}

function declarationOf(exported: string, { file, name }: Place): string {
  const text = withoutComments(withoutPrivate(readFileSync(file, "utf8")));
  const start = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|function|const|type|interface) ${name}\\b`,
    "gm",
  );
  const parts = [...text.matchAll(start)].map((match) => text.slice(match.index, endOf(text, match.index)));
  if (parts.length === 0) throw new Error(`${file} declares no ${name}`);
  const renamed = exported === name ? [] : [`export { ${name} as ${exported} };`];
  return [...parts, ...renamed, ""].join("\n");
}

/** The end of a declaration: the first semicolon or closing brace outside of all brackets, at the end of a line. */
function endOf(text: string, from: number): number {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    const letter = text[index] ?? "";
    if ("{([".includes(letter)) depth += 1;
    else if ("})]".includes(letter)) depth -= 1;
    const isEnd = letter === ";" || (letter === "}" && text[index + 1] === "\n");
    if (depth === 0 && isEnd) return index + 1;
  }
  return text.length;
}

function withoutPrivate(text: string): string {
  return text.replace(/^ *(?:#private|private [^\n]*);\n/gm, "");
}

function withoutComments(text: string): string {
  return text.replace(/^ *\/\*\*(?:(?!\*\/)[\s\S])*?\*\/\n/gm, "").replace(/^ *\/\/[^\n]*\n/gm, "");
}
