// `pnpm check layers`: imports go down only, between packages and between the folders of one; see layers.ts.
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { FOLDERS, PACKAGES, SEVERAL_DOORS } from "./layers.ts";
import { ROOT } from "./root.ts";

interface Import {
  file: string;
  line: number;
  /** As written between the quotes. */
  specifier: string;
  typeOnly: boolean;
}

const imports = globSync(["packages/*/src/**/*.ts", "examples/**/*.ts"], { cwd: ROOT }).flatMap(importsOf);
const complaints = [
  ...imports.flatMap(packageComplaints),
  ...Object.keys(PACKAGES).flatMap(folderComplaints),
  ...doorComplaints(imports),
];
for (const complaint of complaints) console.log(complaint);
console.log(`${imports.length} imports read`);
process.exitCode = complaints.length > 0 ? 1 : 0;

function packageComplaints(one: Import): string[] {
  const owner = packageOf(one.file);
  const allowed = PACKAGES[owner];
  if (allowed === undefined) return [`${place(one)}: the package "${owner}" has no line in scripts/layers.ts`];
  if (one.specifier.startsWith(".")) {
    const target = resolved(one);
    const inside = owner === "examples" ? "examples/" : `packages/${owner}/src/`;
    return target.startsWith(inside)
      ? []
      : [`${place(one)}: "${one.specifier}" leaves the package; import it by its package name`];
  }
  if (!one.specifier.startsWith("@manyhands/") || allowed.includes(one.specifier)) return [];
  return [`${place(one)}: ${owner} may not import ${one.specifier}, only ${allowed.join(", ") || "nothing of ours"}`];
}

function folderComplaints(owner: string): string[] {
  const inOwner = imports.filter((one) => packageOf(one.file) === owner && one.specifier.startsWith("."));
  const rooms = Object.entries(FOLDERS).filter(([room]) => room.split("/")[0] === owner);
  if (rooms.length === 0) return cycleComplaints(edgesIn("", inOwner));
  return rooms.flatMap(([room, layers]) => {
    const folder = room.split("/").slice(1).join("/");
    return edgesIn(folder, inOwner).flatMap((edge) => layerComplaints(layers, edge));
  });
}

/** The imports from one part of a folder ("" = all of `src`) to another part of it. */
function edgesIn(folder: string, all: readonly Import[]): Edge[] {
  const isIn = (file: string): boolean => folder === "" || pathIn(file).startsWith(`${folder}/`);
  return all
    .filter((one) => isIn(one.file) && isIn(resolved(one)))
    .map((one) => ({ one, from: partOf(folder, one.file), to: partOf(folder, resolved(one)) }))
    .filter(({ from, to }) => from === "" || from !== to);
}

interface Edge {
  one: Import;
  /** A part of the folder; "" stands for the files that lie directly in it and are not listed. They are above all parts. */
  from: string;
  to: string;
}

function layerComplaints(layers: readonly (readonly string[])[], { one, from, to }: Edge): string[] {
  if (from === "" && to === "") return [];
  if (to === "") return [`${place(one)}: it does not import "${one.specifier}", which stands above it`];
  const level = (part: string): number => layers.findIndex((line) => line.includes(part));
  const unknown = [from, to].filter((part) => part !== "" && level(part) < 0);
  if (unknown.length > 0) return unknown.map((part) => `${place(one)}: give "${part}" a line in scripts/layers.ts`);
  if (from === "" || level(to) < level(from)) return [];
  return [`${place(one)}: ${from} may not import ${to}, which is not below it in scripts/layers.ts`];
}

function cycleComplaints(edges: readonly Edge[]): string[] {
  // A file outside of any folder stands for itself: options.ts below all folders, index.ts above them.
  const nodes = edges.map(({ one, from, to }) => ({ one, from: from || one.file, to: to || resolved(one) }));
  const reaches = (start: string, goal: string, seen = new Set<string>()): boolean =>
    nodes.some(({ from, to }) => {
      if (from !== start || seen.has(to)) return false;
      return to === goal || reaches(to, goal, seen.add(to));
    });
  return nodes
    .filter(({ from, to }) => reaches(to, from))
    .map(({ one, from, to }) => `${place(one)}: ${from} and ${to} import each other, directly or not`);
}

/** A third-party package's values come in through one file of each package. */
function doorComplaints(all: readonly Import[]): string[] {
  const doors = new Map<string, Set<string>>();
  for (const one of all) {
    if (one.typeOnly || /^[./]|^node:|^@manyhands\//.test(one.specifier) || builtinModules.includes(one.specifier)) {
      continue;
    }
    const name = one.specifier.split("/", one.specifier.startsWith("@") ? 2 : 1).join("/");
    const key = `${packageOf(one.file)} ${name}`;
    doors.set(key, (doors.get(key) ?? new Set()).add(one.file));
  }
  return [...doors]
    .filter(([key, files]) => files.size > 1 && !(key in SEVERAL_DOORS) && !key.startsWith("examples "))
    .map(([key, files]) => {
      const [owner, name] = key.split(" ");
      return `${[...files].join(", ")}: ${owner} has ${files.size} doors to ${name}; one file imports it, the others that file`;
    });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const statement = /^(?:import|export)\s+(?:(type\s)?([^"';]*?)\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(statement)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    specifier: match[3] ?? match[4] ?? "",
    typeOnly: match[1] !== undefined || /^\{(\s*type\s[^,}]+,?)+\s*\}$/.test(match[2] ?? ""),
  }));
}

function packageOf(file: string): string {
  return file.startsWith("packages/") ? (file.split("/")[1] ?? "") : "examples";
}

/** Path below src, or below examples. */
function pathIn(file: string): string {
  return file.replace(/^packages\/[^/]+\/src\/|^examples\//, "");
}

/** The first step below the folder on the way to a file: a folder, or the file when layers.ts lists it; else "". */
function partOf(folder: string, file: string): string {
  const parts = pathIn(file)
    .slice(folder === "" ? 0 : folder.length + 1)
    .split("/");
  const first = parts[0] ?? "";
  return parts.length > 1 || isListed(first) ? first : "";
}

function isListed(part: string): boolean {
  return Object.values(FOLDERS).some((layers) => layers.some((line) => line.includes(part)));
}

function resolved(one: Import): string {
  return normalize(join(dirname(one.file), one.specifier));
}

function place(one: Import): string {
  return `${one.file}:${one.line}`;
}
