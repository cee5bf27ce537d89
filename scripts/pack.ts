import { execFile } from "node:child_process";
import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./root.ts";

const run = promisify(execFile);

/** The folders under packages/ that are published; testing stays here. */
export const PUBLISHED: readonly string[] = ["core", "worker", "dashboard", "cli"];

/**
 * Packs every published package into `destination` and returns the tarballs by folder name. pnpm does it, because it
 * writes real versions where our package.json files say `workspace:*` and `catalog:`.
 */
export async function packPackages(destination: string): Promise<Record<string, string>> {
  mkdirSync(destination, { recursive: true });
  const filters = PUBLISHED.flatMap((folder) => ["--filter", `./packages/${folder}`]);
  await pnpm(["--recursive", ...filters, "pack", "--pack-destination", destination]);
  return Object.fromEntries(PUBLISHED.map((folder) => [folder, tarball(destination, folder)]));
}

function tarball(destination: string, folder: string): string {
  const [name] = globSync(`manyhands-${folder}-*.tgz`, { cwd: destination });
  if (name === undefined) throw new Error(`pnpm pack left no tarball of packages/${folder} in ${destination}`);
  return join(destination, name);
}

/** Under `pnpm check` and `pnpm test` pnpm is on the PATH; a script started by hand fetches it as a user would. */
async function pnpm(args: readonly string[]): Promise<void> {
  try {
    await run("pnpm", args, { cwd: ROOT });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    await run("npx", ["--yes", "pnpm@12", ...args], { cwd: ROOT });
  }
}
