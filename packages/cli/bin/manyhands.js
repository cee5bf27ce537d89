#!/usr/bin/env node
// Here, and not in dist, so that a checkout can link the command before its first build.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `error: manyhands needs Node 22.18 or newer; this is Node ${process.versions.node} (${process.execPath})`,
  );
  process.exit(2);
}
// In a checkout the sources run where that is asked for: docs/decisions/source-condition.md.
const runsSources = import.meta.resolve("@manyhands/core").endsWith(".ts");
const main = new URL(runsSources ? "../src/main.ts" : "../dist/main.js", import.meta.url);
if (!existsSync(main)) {
  console.error("manyhands is not built yet: run `pnpm build` (or `npx --yes pnpm@12 build`) in the checkout first");
  process.exit(2);
}
// Half of a short command is the compiling of what it imports.
(await import("node:module")).enableCompileCache();
await import(main.href);
