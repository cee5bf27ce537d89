import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Installs packages from the registry, or from tarballs, into a folder with a package.json. */
export async function npmInstall(place: string, packages: readonly string[]): Promise<void> {
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], {
    cwd: place,
  });
}
