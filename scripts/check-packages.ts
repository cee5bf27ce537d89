// `pnpm check package`: what would be published, as a registry and a stranger's compiler see it.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { PUBLISHED, packPackages } from "./pack.ts";
import { ROOT } from "./root.ts";

/** The condition under which a package of the workspace is its source. */
const SOURCE = "@manyhands/source";
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "manyhands-pack-"));
try {
  const tarballs = await packPackages(folder);
  const checks = PUBLISHED.flatMap((name) => [
    program("publint", [tarballs[name] ?? "", "--strict"]),
    // Published as ECMAScript modules only, which Node 22 also loads with require().
    program("attw", [tarballs[name] ?? "", "--profile", "esm-only", "--no-color", "--no-emoji"]),
    sameLicense(name),
    builtExports(name, tarballs[name] ?? ""),
  ]);
  const complaints = (await Promise.all(checks)).filter((complaint) => complaint !== "");
  for (const complaint of complaints) console.log(complaint);
  process.exitCode = complaints.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What the program said when it was not content, else nothing. */
async function program(name: string, args: readonly string[]): Promise<string> {
  try {
    await run(join(ROOT, "node_modules/.bin", name), args);
    return "";
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${name} ${args[0]}\n${stdout}${stderr}`;
  }
}

/** Each package carries a copy of the licence, because a registry shows the package alone. */
async function sameLicense(name: string): Promise<string> {
  const copy = `packages/${name}/LICENSE`;
  const text = readFileSync(join(ROOT, "LICENSE"), "utf8");
  return readFileSync(join(ROOT, copy), "utf8") === text ? "" : `${copy} differs from LICENSE; copy it again`;
}

/**
 * In the workspace each export also names its source (docs/decisions/source-condition.md), which is not in the tarball:
 * `publishConfig.exports` is the same list without it.
 */
async function builtExports(name: string, tarball: string): Promise<string> {
  const { stdout } = await run("tar", ["-xzOf", tarball, "package/package.json"]);
  const published = exportsOf(stdout);
  const file = `packages/${name}/package.json`;
  const own = exportsOf(readFileSync(join(ROOT, file), "utf8"));
  const built = Object.fromEntries(Object.entries(own).map(([path, { [SOURCE]: _, ...rest }]) => [path, rest]));
  if (isDeepStrictEqual(published, built)) return "";
  return `${file}: publishConfig.exports must be what exports says, without "${SOURCE}"`;
}

function exportsOf(manifest: string): Record<string, Record<string, string>> {
  return (JSON.parse(manifest) as { exports: Record<string, Record<string, string>> }).exports;
}
