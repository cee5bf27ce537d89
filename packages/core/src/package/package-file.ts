import { existsSync, readFileSync } from "node:fs";

/**
 * URL of a file of a package of ours that is loaded by its path, and so is no import that a bundler sees: the source
 * while the sources run, else what it was built to.
 *
 * @param from - `import.meta.url` of the caller; a build gathers many sources in one file, so a path relative to it
 *   would not say where the other file is.
 * @param name - Path below the code folder, without extension.
 * @throws Error that says so, where the caller runs from a bundle of a user
 */
export function packageFile(from: string, name: string): URL {
  const url = new URL(`${name}${from.endsWith(".ts") ? ".ts" : ".js"}`, codeFolder(from));
  if (!existsSync(url)) throw bundledPackage(from);
  return url;
}

/** The folder `src` or `dist` that the file `from` is in; it lies beside the package.json of its package. */
export function codeFolder(from: string): string {
  // What it becomes in a bundle of CommonJS.
  if (typeof from !== "string") throw bundledPackage(undefined);
  // The last such folder: a checkout or a project may lie in a `src` of its own.
  return /^.*\/(?:src|dist)\//.exec(from)?.[0] ?? new URL(".", from).href;
}

/** Version of the package that the file `from` is in. @param from - `import.meta.url` of the caller */
export function packageVersion(from: string): string {
  const text = readFileSync(new URL("../package.json", codeFolder(from)), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** What a package says that cannot load a file or package of its own. @param from - `import.meta.url` of the caller */
export function bundledPackage(from: string | undefined, cause?: unknown): Error {
  const place = from === undefined ? "a bundle of CommonJS" : from;
  return new Error(
    `a package of manyhands runs in ${place}, where a bundler has put it, and cannot load its other files there; keep ` +
      "the packages @manyhands/* external, so that they are loaded from node_modules, as docs/recipes/bundlers.md shows",
    { cause },
  );
}
