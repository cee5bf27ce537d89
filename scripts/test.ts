// `pnpm test [words and vitest options]`: builds, gets what the tests need, runs them, and ends with one line:
// "N passed, N failed" (", N skipped" may follow). When it runs all tests, files that failed beside others run once more, one
// at a time, and tests that pass then are named as unstable. A word is looked for in file names first, then in test names.
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
  if (filters.length > 0 && !isAnywhere()) {
    console.log(`no test file has ${filters.join(" or ")} in its name, and none of them in its text`);
    return 1;
  }
  if (!builds()) return 1;
  const byPath = filters.length > 0 && chosenFiles().length > 0;
  const sources = (byPath ? chosenFiles() : files).map((file) => readFileSync(join(ROOT, file), "utf8"));
  // Looking for what is not there takes a while: only when a test of this run wants it.
  if (sources.some((source) => /chromium/i.test(source))) provideChromium();
  const stopDocker = sources.some((source) => source.includes("testcontainers")) ? provideDocker() : () => {};
  try {
    const selection = byPath ? filters : filters.length > 0 ? ["--testNamePattern", filters.join("|")] : [];
    const environment = options.includes("--coverage") ? { MANYHANDS_TEST_CODE: "source" } : {};
    return runVitest([...selection, ...options], { environment, again: filters.length === 0 && options.length === 0 })
      ? 0
      : 1;
  } finally {
    stopDocker();
  }
}

/** Whether a file has one of the words in its path, or in its text, where titles stand. */
function isAnywhere(): boolean {
  const texts = files.map((file) => `${file} ${readFileSync(join(ROOT, file), "utf8")}`.toLowerCase());
  return filters.some((word) => texts.some((text) => text.includes(word.toLowerCase())));
}

/** The files whose path has one of the words. */
function chosenFiles(): string[] {
  return files.filter((file) => filters.some((word) => file.includes(word)));
}
