// `pnpm test [words and vitest options]`: builds, gets what the tests need, runs them, and ends with one line:
// "N passed, N failed" (", N skipped" may follow). A word is looked for in file names first, then in test names.
// `pnpm coverage` is the same with `--coverage`: from the sources, whose lines are what is reported.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { provideChromium } from "./provide-chromium.ts";
import { provideDocker } from "./provide-docker.ts";
import { ROOT } from "./root.ts";
import { builds, runVitest } from "./run-vitest.ts";

const words = process.argv.slice(2).filter((word) => word !== "--");
const filters = words.filter((word) => !word.startsWith("-"));
const options = words.filter((word) => word.startsWith("-"));
const files = globSync("packages/*/test/**/*.test.ts", { cwd: ROOT });

process.exitCode = main();

function main(): number {
  if (!builds()) return 1;
  const byPath = filters.length > 0 && chosenFiles().length > 0;
  const sources = (byPath ? chosenFiles() : files).map((file) => readFileSync(join(ROOT, file), "utf8"));
  // Looking for what is not there takes a while: only when a test of this run wants it.
  if (sources.some((source) => /chromium/i.test(source))) provideChromium();
  const stopDocker = sources.some((source) => source.includes("testcontainers")) ? provideDocker() : () => {};
  try {
    const selection = byPath ? filters : filters.length > 0 ? ["--testNamePattern", filters.join("|")] : [];
    const environment = options.includes("--coverage") ? { MANYHANDS_TEST_CODE: "source" } : {};
    return runVitest([...selection, ...options], { environment }) ? 0 : 1;
  } finally {
    stopDocker();
  }
}

/** The files whose path has one of the words. */
function chosenFiles(): string[] {
  return files.filter((file) => filters.some((word) => file.includes(word)));
}
