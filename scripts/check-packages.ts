// `pnpm check package`: what would be published, as a registry and a stranger's compiler see it.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PUBLISHED, packPackages } from "./pack.ts";
import { ROOT } from "./root.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "manyhands-pack-"));
try {
  const tarballs = await packPackages(folder);
  const checks = PUBLISHED.flatMap((name) => [
    program("publint", [tarballs[name] ?? "", "--strict"]),
    // Published as ECMAScript modules only, which Node 22 also loads with require().
    program("attw", [tarballs[name] ?? "", "--profile", "esm-only", "--no-color", "--no-emoji"]),
    sameLicense(name),
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
