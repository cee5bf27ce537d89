// `pnpm run docs`: makes the documentation site in site/dist. `--base /path/` is the address below which it will be
// served; `--serve` shows it on loopback afterwards, until Ctrl-C (`--port <n>`).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runPnpm } from "./pnpm.ts";
import { ROOT } from "./root.ts";

const SITE = join(ROOT, "site");
const OPTIONS = {
  base: { type: "string", default: "/" },
  serve: { type: "boolean", default: false },
  port: { type: "string", default: "4173" },
} as const;

const { values } = parseArgs({ options: OPTIONS, args: process.argv.slice(2).filter((word) => word !== "--") });
const started = performance.now();
process.exitCode = await main();

async function main(): Promise<number> {
  if (!/^\/([\w.~-]+\/)*$/.test(values.base)) {
    console.error(`--base begins and ends with a slash, as in /manyhands/; got ${values.base}`);
    return 2;
  }
  // Packages only: what an install script fetches would come from elsewhere.
  await runPnpm(["install", "--frozen-lockfile", "--ignore-scripts"], SITE);
  const isMade =
    succeeds([join(ROOT, "node_modules/typescript/bin/tsc"), "-p", join(SITE, "tsconfig.json")]) &&
    succeeds([join(SITE, "build.ts")]);
  if (!isMade) return 1;
  console.log(`the site is in site/dist, made in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (!values.serve) return 0;
  return succeeds([join(SITE, "node_modules/@rspress/core/bin/rspress.js"), ...preview()]) ? 0 : 1;
}

function preview(): string[] {
  return ["preview", "--host", "127.0.0.1", "--port", values.port];
}

function succeeds(program: readonly string[]): boolean {
  const { status } = spawnSync(process.execPath, program, {
    cwd: SITE,
    stdio: "inherit",
    // The generator reads its settings in several processes.
    env: { ...process.env, SITE_BASE: values.base, NODE_ENV: "production" },
  });
  return status === 0;
}
