// `pnpm check lua`: every Lua script, as Redis gets it, is Lua 5.1, sets no global and reads only Redis' own, declares
// nothing without use and nothing under a name that is taken, and reads of KEYS and ARGV what its header tells.
// docs/decisions/lua-check.md. Needs `node --conditions=@manyhands/source`.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { analyse, type Uses } from "./lua-rules.ts";
import { type LuaScript, luaScripts, type Place } from "./lua-scripts.ts";
import { ROOT } from "./root.ts";

const { scripts, unseen } = await luaScripts();
const sources = new Map(globSync("packages/*/src/**/*.ts", { cwd: ROOT }).map((file) => [file, linesOf(file)]));
const places = placesByText();
const complaints = new Set(unseen.map((place) => `${place}: make this script in makeLaterScripts() of lua-scripts.ts`));
/** By place and name: whether some script uses what is declared there. A part that scripts share is none's alone. */
const declared = new Map<string, boolean>();
for (const script of scripts) look(script);
for (const [what, isUsed] of declared) if (!isUsed) complaints.add(what);
for (const complaint of [...complaints].sort()) console.log(complaint);
console.log(`${scripts.length} scripts read`);
process.exitCode = complaints.size > 0 ? 1 : 0;

function look(script: LuaScript): void {
  const lines = script.lua.split("\n");
  const sourceOf = (line: number): Place => placeOf(line, lines, script);
  try {
    const { findings, declared: names, keys, args } = analyse(script.lua);
    for (const { line, what } of findings) complain(sourceOf(line), what);
    for (const { line, name, isUsed } of names) {
      const what = `${text(sourceOf(line))}: "${name}" is not used`;
      declared.set(what, isUsed || declared.get(what) === true);
    }
    checkHeader("KEYS", keys, { script, sourceOf });
    checkHeader("ARGV", args, { script, sourceOf });
  } catch (error) {
    const { message, line } = error as SyntaxError & { line?: number };
    if (line === undefined) throw error;
    complain(sourceOf(line), `${script.name}: ${message}`);
  }
}

/**
 * What is read has to be told by a header: that of the script, or that of the part that reads it. An argument that is told
 * has to be read; a key may be told alone, because Redis wants to hear of every key that a script touches.
 */
function checkHeader(
  table: "KEYS" | "ARGV",
  uses: Uses,
  { script, sourceOf }: { script: LuaScript; sourceOf: (line: number) => Place },
): void {
  const headers = script.frames.map((frame) => toldPlaces(table, headerOf(frame)));
  for (const [place, line] of uses.places) {
    const isTold = [...headers, toldPlaces(table, headerOf(sourceOf(line)))].some((told) => told.has(place));
    if (!isTold) complain(script.place, `${script.name}: the header does not tell of ${table}[${place}]`);
  }
  if (uses.isWhole || table === "KEYS") return;
  for (const place of toldPlaces(table, headerOf(script.place)).listed) {
    if (!uses.places.has(place)) complain(script.place, `${script.name}: ${table}[${place}] is not read`);
  }
}

interface Told {
  /** Places that a header names one by one. */
  listed: ReadonlySet<number>;
  has: (place: number) => boolean;
}

/** What a header tells of: `KEYS[2]`, `KEYS[1..3]`, `KEYS[1] to KEYS[3]`, `KEYS[4...]`; `KEYS as of` another script: any. */
function toldPlaces(table: string, header: string): Told {
  const pattern = new RegExp(`${table}\\[(\\d+)(?:\\.\\.(\\.|\\d+))?\\](?: to ${table}\\[(\\d+)\\])?`, "g");
  const listed = new Set<number>();
  let open = header.includes(`${table} as of `) ? 1 : Number.POSITIVE_INFINITY;
  for (const [, first, last, to = last] of header.matchAll(pattern)) {
    const from = Number(first);
    if (to === ".") open = Math.min(open, from);
    else for (let place = from; place <= Number(to ?? from); place += 1) listed.add(place);
  }
  return { listed, has: (place) => listed.has(place) || place >= open };
}

/** The comment before the statement of a file that has this line. */
function headerOf({ file, line }: Place): string {
  const lines = sources.get(file) ?? [];
  const start = lines
    .slice(0, line)
    .findLastIndex((one) => /^(export )?(async )?(const|function|let|class) /.test(one));
  if (!lines[start - 1]?.endsWith("*/")) return "";
  const from = lines.slice(0, start).findLastIndex((one) => one.startsWith("/**"));
  return lines.slice(from, start).join("\n");
}

/** Where a line of a script stands in the sources; where the script is made if no line reads as it does. */
function placeOf(line: number, lines: readonly string[], script: LuaScript): Place {
  const text = lines[line - 1]?.trim() ?? "";
  const found = places.exact.get(text) ?? places.fitting(text);
  // Of lines that read alike that whose neighbours do, too.
  const alike = ({ file, line: at }: Place): number =>
    [-1, 1].filter((step) => sources.get(file)?.[at - 1 + step]?.trim() === lines[line - 1 + step]?.trim()).length * 2 +
    (file === script.place.file ? 1 : 0);
  return found.toSorted((one, other) => alike(other) - alike(one))[0] ?? script.place;
}

interface PlacesByText {
  exact: ReadonlyMap<string, Place[]>;
  /** Lines of templates that read so when something is put into them. */
  fitting: (text: string) => Place[];
}

function placesByText(): PlacesByText {
  const exact = new Map<string, Place[]>();
  const templates: { pattern: RegExp; place: Place }[] = [];
  for (const [file, lines] of sources) {
    for (const [index, source] of lines.entries()) {
      // As the text of a template reads in Lua.
      const line = source.trim().replaceAll("\\\\", "\\");
      const place = { file, line: index + 1 };
      exact.set(line, [...(exact.get(line) ?? []), place]);
      const parts = line.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      if (parts.length === 1 || parts.join("").length <= 8) continue;
      templates.push({ pattern: new RegExp(`^${parts.join(".*")}$`), place });
    }
  }
  const known = new Map<string, Place[]>();
  const fitting = (text: string): Place[] => {
    const found = known.get(text) ?? templates.filter(({ pattern }) => pattern.test(text)).map(({ place }) => place);
    known.set(text, found);
    return found;
  };
  return { exact, fitting };
}

function linesOf(file: string): string[] {
  return readFileSync(join(ROOT, file), "utf8").split("\n");
}

function complain(place: Place, what: string): void {
  complaints.add(`${text(place)}: ${what}`);
}

function text({ file, line }: Place): string {
  return `${file}:${line}`;
}
