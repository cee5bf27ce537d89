import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** A file as it was when it was loaded, to be compared with what it is later. */
export interface LoadedFile {
  path: string;
  /** When it was last changed, epoch ms; null = it was not there. */
  modified: number | null;
  /** Bytes. */
  size: number;
}

/** @returns what a path leads to now */
export function fileAsItIs(path: string): LoadedFile {
  const found = statSync(path, { throwIfNoEntry: false });
  return { path, modified: found?.mtimeMs ?? null, size: found?.size ?? 0 };
}

/** The files of the user's own code that this process loads from now on; installed packages are left out. */
export class LoadedFiles {
  readonly #files = new Map<string, LoadedFile>();

  constructor() {
    registerHooks({
      load: (url, context, next) => {
        if (url.startsWith("file:") && !url.includes("/node_modules/"))
          this.#note(fileURLToPath(url.replace(/[?#].*/, "")));
        return next(url, context);
      },
    });
  }

  list(): LoadedFile[] {
    return [...this.#files.values()];
  }

  /** Before it is read: what changes after that is noticed. */
  #note(path: string): void {
    if (!this.#files.has(path)) this.#files.set(path, fileAsItIs(path));
  }
}
