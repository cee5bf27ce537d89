// `pnpm build`: types with `tsc -b`, JavaScript with rolldown; and leaves nothing in dist that no source explains.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { bundlePackages, isBundled } from "./bundle.ts";
import { ROOT } from "./root.ts";

const packages = globSync("packages/*/tsconfig.json", { cwd: ROOT }).map((path) => join(ROOT, dirname(path)));
for (const folder of packages) forgetBuildWithoutOutput(folder);
const compiler = spawnSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b"], {
  cwd: ROOT,
  stdio: "inherit",
});
for (const folder of packages) removeOrphans(folder);
// Otherwise the compiler has said why.
if (compiler.status === 0) await bundlePackages();
process.exitCode = compiler.status ?? 1;

/** `tsc -b` trusts its own record and does not look whether dist is still there. */
function forgetBuildWithoutOutput(folder: string): void {
  if (!existsSync(join(folder, "dist/index.d.ts"))) rmSync(join(folder, "tsconfig.tsbuildinfo"), { force: true });
}

/** The compiler never deletes: what a renamed or removed source once made would be published with the rest. */
function removeOrphans(folder: string): void {
  const compiled = isBundled(basename(folder)) ? "dist/**/*.{d.ts,d.ts.map}" : "dist/**/*.{js,d.ts,js.map,d.ts.map}";
  for (const output of globSync(compiled, { cwd: folder })) {
    const source = output.replace(/^dist\//, "src/").replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    if (!existsSync(join(folder, source))) rmSync(join(folder, output));
  }
}
