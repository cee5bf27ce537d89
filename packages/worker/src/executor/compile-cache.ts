import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";

/** Folder in which this process keeps what it compiled, as `enableCompileCache` takes it; null = it keeps nothing. */
export function compileCacheFolder(): string | null {
  // Node names the folder of its own version in that folder.
  const own = getCompileCacheDir();
  return own === undefined ? null : dirname(own);
}
