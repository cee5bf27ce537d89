/**
 * URL of a file of a package of ours that is loaded by its path, and so is no import that a bundler sees: the source
 * while the sources run, else what it was built to.
 *
 * @param from - `import.meta.url` of the caller; a build gathers many sources in one file, so a path relative to it
 *   would not say where the other file is.
 * @param name - Path below the code folder, without extension.
 */
export function packageFile(from: string, name: string): URL {
  return new URL(`${name}${from.endsWith(".ts") ? ".ts" : ".js"}`, codeFolder(from));
}

/** The folder `src` or `dist` that the file `from` is in; it lies beside the package.json of its package. */
export function codeFolder(from: string): string {
  // The last such folder: a checkout or a project may lie in a `src` of its own.
  return /^.*\/(?:src|dist)\//.exec(from)?.[0] ?? new URL(".", from).href;
}
