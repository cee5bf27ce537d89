// The web app of the dashboard, built by vite into packages/dashboard/dist/web when one of its sources has changed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./root.ts";

const PACKAGE = join(ROOT, "packages/dashboard");
const RECORD = join(PACKAGE, ".cache/web-app.txt");

/** Brings `dist/web` up to date. @returns the exit code of the build */
export function buildWebApp(): number {
  const state = digestOfSources();
  const isBuilt = existsSync(join(PACKAGE, "dist/web/index.html"));
  if (isBuilt && existsSync(RECORD) && readFileSync(RECORD, "utf8") === state) return 0;
  const vite = join(PACKAGE, "node_modules/vite/bin/vite.js");
  const config = join(PACKAGE, "web/vite.config.ts");
  const build = spawnSync(process.execPath, [vite, "build", "--config", config, "--logLevel", "warn"], {
    cwd: PACKAGE,
    stdio: "inherit",
  });
  if (build.status !== 0) return build.status ?? 1;
  mkdirSync(dirname(RECORD), { recursive: true });
  writeFileSync(RECORD, state);
  return 0;
}

/** What the build is made from: the sources, their configuration, and the versions of the libraries. */
function digestOfSources(): string {
  const hash = createHash("sha256");
  const sources = globSync(["web/**/*.*", "package.json"], { cwd: PACKAGE }).sort();
  for (const path of sources)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(PACKAGE, path)))
      .update("\0");
  return hash.update(readFileSync(join(ROOT, "pnpm-lock.yaml"))).digest("hex");
}
