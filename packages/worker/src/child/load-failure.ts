import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A place in a file, and its line as far as it is known. */
interface Place {
  where: string;
  line: string | undefined;
}

/** Time for the search of a syntax error, ms. */
const SEARCH_TIME = 10_000;
const WITH_TSX = 'start the host with --import tsx (in a program: import: ["tsx"])';
const NEEDS_TSX = `Node only strips types and cannot run this: npm install tsx, and ${WITH_TSX}`;

/** Why a module could not be loaded, in one line: the error, the faulty file and line, its causes, and what to do. */
export function describeLoadFailure(url: string, error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const place = placeOf(error) ?? (error.name === "SyntaxError" ? searchSyntaxError(url) : undefined);
  const at = place === undefined ? "" : ` (at ${place.where}${place.line ? `: ${place.line}` : ""})`;
  const advice = adviceFor(error, place);
  return `${error.name}: ${error.message}${at}${causesOf(error)}${advice === undefined ? "" : `; ${advice}`}`;
}

function causesOf(error: Error): string {
  let text = "";
  let { cause } = error;
  for (let depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    text += `; caused by ${cause.name}: ${cause.message}`;
    cause = cause.cause;
  }
  return text;
}

function placeOf(error: Error): Place | undefined {
  return headOf(error.stack ?? "") ?? frameOf(error.stack ?? "");
}

/** What Node writes above a syntax error: the file with its line, the line, and a mark below it. */
function headOf(stack: string): Place | undefined {
  const lines = stack.split("\n");
  const [, file, number] = /^(file:.+|\/.+|[a-z]:\\.+):(\d+)$/i.exec(lines[0] ?? "") ?? [];
  if (file === undefined) return undefined;
  const mark = lines.findIndex((line) => /^\s*\^+\s*$/.test(line));
  return { where: `${asPath(file)}:${number}`, line: lines[mark - 1]?.trim().slice(0, 200) };
}

/** The first frame in code of the user: not in Node, not in this library. */
function frameOf(stack: string): Place | undefined {
  for (const line of stack.split("\n")) {
    const [, file, position] = /^\s+at (?:.*\()?((?:file:|\/|[a-z]:\\).+?):(\d+:\d+)\)?$/i.exec(line) ?? [];
    if (file !== undefined && !isOurs(file)) return { where: `${asPath(file)}:${position}`, line: undefined };
  }
  return undefined;
}

function isOurs(file: string): boolean {
  const path = asPath(file);
  return OWN_FOLDERS.some((folder) => path.startsWith(folder));
}

const OWN_FOLDERS = [import.meta.url, import.meta.resolve("@manyhands/core/child")].map((url) => dirname(asPath(url)));

function asPath(file: string): string {
  return file.startsWith("file:") ? fileURLToPath(file.replace(/\?.*$/, "")) : file;
}

/**
 * Of a syntax error in a JavaScript module Node keeps the place to itself, and prints it only when the error ends a
 * program. So a program ends with it: all modules are parsed before the first one runs, and that one throws.
 */
function searchSyntaxError(url: string): Place | undefined {
  const program = `import "data:text/javascript,throw 0"; import ${JSON.stringify(url)};`;
  const { stderr } = spawnSync(process.execPath, [...process.execArgv, "--input-type=module", "--eval", program], {
    encoding: "utf8",
    timeout: SEARCH_TIME,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const place = /^SyntaxError/m.test(stderr) ? headOf(stderr.trimStart()) : undefined;
  return place?.where.startsWith("data:") ? undefined : place;
}

function adviceFor(error: Error, place: Place | undefined): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING") {
    return NEEDS_TSX;
  }
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" && /"\.(tsx|jsx|mtsx|ctsx)"/.test(error.message)) return NEEDS_TSX;
  if (code === "ERR_MODULE_NOT_FOUND") return adviceForMissing(error.message);
  if (error.name !== "SyntaxError" || !/\.[cm]?ts:\d+$/.test(place?.where ?? "")) return undefined;
  if (/^(?:export )?(?:@\w|.*\s@\w+[\s(])/.test(place?.line ?? "")) return NEEDS_TSX;
  const [, name] = /does not provide an export named '(\w+)'/.exec(error.message) ?? [];
  return name === undefined ? undefined : `if ${name} is a type, import it with "import type"`;
}

/** An import that only a bundler or tsx completes. */
function adviceForMissing(message: string): string | undefined {
  const [, file] = /^Cannot find module '(.+?)' imported from/.exec(message) ?? [];
  if (file === undefined) return adviceForAlias(message);
  const path = file.startsWith("file:") ? fileURLToPath(file) : file;
  const candidates = [`${path}.ts`, `${path}.js`, path.replace(/\.js$/, ".ts"), `${path}/index.ts`, `${path}/index.js`];
  const found = candidates.find((candidate) => candidate !== path && existsSync(candidate));
  if (found === undefined) return undefined;
  return `there is ${found}: write the file's whole name in the import, or npm install tsx, and ${WITH_TSX}`;
}

/** A package that is none: only tools that read tsconfig.json find it. */
function adviceForAlias(message: string): string | undefined {
  const [, name, importer] = /^Cannot find package '(.+?)' imported from (.+)$/.exec(message) ?? [];
  if (name === undefined || importer === undefined || !isAlias(name, asPath(importer))) return undefined;
  return `${name} is a path alias, which Node does not know: import the file by its path, or npm install tsx, and ${WITH_TSX}`;
}

function isAlias(name: string, importer: string): boolean {
  // No package can be called so.
  if (/^[@~]$/.test(name) || /^[@~]\//.test(name)) return true;
  for (let folder = dirname(importer); ; folder = dirname(folder)) {
    const file = join(folder, "tsconfig.json");
    if (existsSync(file)) return namesIn(file).some((alias) => name === alias || name.startsWith(`${alias}/`));
    if (folder === dirname(folder)) return false;
  }
}

/** The path aliases of a tsconfig.json, which may have comments: "@app/*" is found as "@app". */
function namesIn(file: string): string[] {
  const [, paths = ""] = /"paths"\s*:\s*\{([^}]*)\}/.exec(readFileSync(file, "utf8")) ?? [];
  return [...paths.matchAll(/"([^"]+?)(?:\/\*)?"\s*:\s*\[/g)].map(([, alias = ""]) => alias);
}
