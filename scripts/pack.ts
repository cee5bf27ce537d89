import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { runPnpm } from "./pnpm.ts";
import { ROOT } from "./root.ts";

/** The folders under packages/ that are published; testing stays here. */
export const PUBLISHED: readonly string[] = ["core", "worker", "dashboard", "cli"];

/**
 * Packs every published package into `destination` and returns the tarballs by folder name. pnpm does it, because it
 * writes real versions where our package.json files say `workspace:*` and `catalog:`.
 */
export async function packPackages(destination: string): Promise<Record<string, string>> {
  mkdirSync(destination, { recursive: true });
  const filters = PUBLISHED.flatMap((folder) => ["--filter", `./packages/${folder}`]);
  await runPnpm(["--recursive", ...filters, "pack", "--pack-destination", destination], ROOT);
  return Object.fromEntries(PUBLISHED.map((folder) => [folder, tarball(destination, folder)]));
}

function tarball(destination: string, folder: string): string {
  const [name] = globSync(`manyhands-${folder}-*.tgz`, { cwd: destination });
  if (name === undefined) throw new Error(`pnpm pack left no tarball of packages/${folder} in ${destination}`);
  return join(destination, name);
}
