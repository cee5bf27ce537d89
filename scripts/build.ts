// `pnpm build`: types with `tsc -b`, JavaScript with rolldown; and leaves nothing in dist that no source explains.
// `pnpm build --code`: only what runs, in a fraction of the time.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { bundlePackages, isBundled } from "./bundle.ts";
import { ROOT } from "./root.ts";
import { buildWebApp } from "./web-app.ts";

/** Of a project of the compiler, relative to its package: where its output goes, and its record of what it has done. */
interface Output {
  folder: string;
  record: string;
}

const TYPES: Output = { folder: ".cache/types", record: ".cache/tsconfig.tsbuildinfo" };
const PUBLIC_TYPES: Output = { folder: "dist", record: "tsconfig.public.tsbuildinfo" };
const TYPES_AND_CODE: Output = { folder: "dist", record: "tsconfig.tsbuildinfo" };

const outputs = globSync("packages/*/tsconfig.json", { cwd: ROOT }).flatMap((path) => {
  const name = basename(dirname(path));
  return outputsOf(name).map(({ folder, record }) => ({ name, folder, record }));
});
process.exitCode = process.argv.includes("--code") ? 0 : compile();
// Otherwise the compiler has said why.
if (process.exitCode === 0) {
  await bundlePackages();
  process.exitCode = buildWebApp();
}

/** @returns the exit code of the compiler */
function compile(): number {
  for (const output of outputs) forgetBuildWithoutOutput(output);
  const compiler = spawnSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b"], {
    cwd: ROOT,
    stdio: "inherit",
  });
  for (const output of outputs) removeOrphans(output);
  return compiler.status ?? 1;
}

/** What is bundled has two kinds of declarations: docs/decisions/internal-members.md. */
function outputsOf(name: string): Output[] {
  return isBundled(name) ? [TYPES, PUBLIC_TYPES] : [TYPES_AND_CODE];
}

/** `tsc -b` trusts its own record and does not look whether the output is still there. */
function forgetBuildWithoutOutput({ name, folder, record }: Output & { name: string }): void {
  const at = join(ROOT, "packages", name);
  if (!existsSync(join(at, folder, "index.d.ts"))) rmSync(join(at, record), { force: true });
}

/** The compiler never deletes: what a renamed or removed source once made would be published with the rest. */
function removeOrphans({ name, folder }: Output & { name: string }): void {
  const at = join(ROOT, "packages", name);
  const compiled = isBundled(name) ? "**/*.{d.ts,d.ts.map}" : "**/*.{js,d.ts,js.map,d.ts.map}";
  for (const output of globSync(compiled, { cwd: join(at, folder) })) {
    const source = output.replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    if (!existsSync(join(at, "src", source))) rmSync(join(at, folder, output));
  }
}
