// The JavaScript of the published packages: rolldown gathers the many small sources of each in a few files, because
// Node takes longer to open a module than to run it. docs/decisions/bundles.md has the figures.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type OutputAsset, type OutputChunk, rolldown } from "rolldown";
import { ROOT } from "./root.ts";

/**
 * The files of each package that something opens by name, as paths in src without extension: what package.json exports,
 * and what is started or loaded by its path (`packageFile`). They keep their place in dist; all else goes to
 * dist/chunks. What two of them share is in a file of its own, so a class is the same for all, and none loads what it
 * does not need.
 */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  core: ["index", "internal", "child", "redis/server/index", "testing/index", "context/context"],
  worker: ["index", "child/process-entry", "child/thread-entry", "schedules/schedule-file-entry"],
  dashboard: ["index"],
  cli: ["index", "main"],
};

/** Whether the JavaScript of the package in `packages/<name>` is made here, and not by the compiler. */
export function isBundled(name: string): boolean {
  return name in ENTRIES;
}

/** Brings the JavaScript in the dist of every bundled package up to date, and removes what does not belong there. */
export async function bundlePackages(): Promise<void> {
  for (const [name, entries] of Object.entries(ENTRIES)) {
    const dist = join(ROOT, "packages", name, "dist");
    const files = new Map((await bundle(name, entries)).map((file) => [join(dist, file.fileName), textOf(file)]));
    // Written only when it differs, so that a build with nothing new disturbs nobody who is running these files.
    for (const [path, text] of files) if (!holds(path, text)) write(path, text);
    const isOurs = (path: string): boolean => !path.startsWith(join(dist, "web"));
    for (const path of globSync(join(dist, "**/*.{js,js.map}"))) if (isOurs(path) && !files.has(path)) rmSync(path);
  }
}

/**
 * What an entry does not use is left out of what it loads, as package.json promises with `sideEffects: false`: a program
 * that imports tasks and errors does not load the Redis client. So what a module registers as it loads has to belong to
 * what it exports.
 */
async function bundle(name: string, entries: readonly string[]): Promise<(OutputChunk | OutputAsset)[]> {
  const bundler = await rolldown({
    cwd: join(ROOT, "packages", name),
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    platform: "node",
    // Node 22 does not know `using`.
    transform: { target: "es2024" },
    external: isDependency,
  });
  const { output } = await bundler.generate({
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    // Classes of two files may have the same name, which the bundler changes and errors and messages show.
    keepNames: true,
    // Between chunks too a name is the whole name: a process that outlives a build and then loads the rest must not
    // take one class for another.
    minifyInternalExports: false,
  });
  await bundler.close();
  return output;
}

/** Packages, ours too, stay what they are: of a class that two files bring along there would be two. */
function isDependency(specifier: string, importer: string | undefined): boolean {
  const isOwn = importer === undefined || specifier.startsWith(".") || isAbsolute(specifier);
  // What the bundler itself adds, such as the lines that stand for `using`.
  return !isOwn && !specifier.startsWith("@oxc-project/runtime/");
}

function textOf(file: OutputChunk | OutputAsset): string {
  return file.type === "chunk" ? file.code : String(file.source);
}

function holds(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8") === text;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
