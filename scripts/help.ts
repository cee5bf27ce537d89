// `pnpm run help`: the commands of package.json, described in commands.ts. A script without a description is an error.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "./commands.ts";
import { ROOT } from "./root.ts";

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
const scripts = Object.keys(manifest.scripts);

for (const [name, what] of Object.entries(COMMANDS)) {
  // pnpm has commands of these names, which come first.
  const words = ["help", "docs"].includes(name) ? `run ${name}` : name;
  console.log(`pnpm ${words.padEnd(16)} ${what}`);
}

const undescribed = scripts.filter((name) => !(name in COMMANDS));
const missing = Object.keys(COMMANDS).filter((name) => !scripts.includes(name));
if (undescribed.length + missing.length > 0) {
  console.error(`scripts/commands.ts and package.json differ in: ${[...undescribed, ...missing].join(", ")}`);
  process.exitCode = 1;
}
