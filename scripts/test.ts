// `pnpm test [words and vitest options]`: builds, gets what the tests need, runs them, and ends with one line:
// "N passed, N failed" (", N skipped" may follow). A word is looked for in file names first, then in test names.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { provideChromium } from "./provide-chromium.ts";
import { provideDocker } from "./provide-docker.ts";
import { ROOT } from "./root.ts";
import type { Outcome } from "./test-reporter.ts";

const words = process.argv.slice(2).filter((word) => word !== "--");
const filters = words.filter((word) => !word.startsWith("-"));
const options = words.filter((word) => word.startsWith("-"));
const files = globSync("packages/*/test/**/*.test.ts", { cwd: ROOT });

process.exitCode = main();

function main(): number {
  if (!succeeds("scripts/build.ts", [])) {
    console.log("the build failed, so no test ran\n0 passed, 1 failed");
    return 1;
  }
  const byPath = filters.length > 0 && chosenFiles().length > 0;
  const sources = (byPath ? chosenFiles() : files).map((file) => readFileSync(join(ROOT, file), "utf8"));
  // Looking for what is not there takes a while: only when a test of this run wants it.
  if (sources.some((source) => /chromium/i.test(source))) provideChromium();
  const stopDocker = sources.some((source) => source.includes("testcontainers")) ? provideDocker() : () => {};

  const folder = mkdtempSync(join(tmpdir(), "manyhands-test-"));
  const report = join(folder, "outcome.json");
  try {
    const passed = runVitest(
      report,
      byPath ? filters : filters.length > 0 ? ["--testNamePattern", filters.join("|")] : [],
    );
    return printOutcome(readOutcome(report), passed);
  } finally {
    stopDocker();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files whose path has one of the words. */
function chosenFiles(): string[] {
  return files.filter((file) => filters.some((word) => file.includes(word)));
}

function runVitest(report: string, selection: readonly string[]): boolean {
  // Vitest colours what it writes into a log, too, when the log is continuous integration's.
  const colours = process.stdout.isTTY ? [] : ["--no-color"];
  const reporters = ["--reporter=default", `--reporter=${join(ROOT, "scripts/test-reporter.ts")}`];
  return succeeds("node_modules/vitest/vitest.mjs", ["run", ...colours, ...reporters, ...selection, ...options], {
    MANYHANDS_TEST_OUTCOME: report,
    // Some thousand processes are started, of which most begin with the same modules.
    NODE_COMPILE_CACHE: join(dirname(report), "compile-cache"),
  });
}

function printOutcome(outcome: Outcome, vitestPassed: boolean): number {
  for (const { reason, tests } of outcome.skipped) {
    console.log(`SKIPPED ${tests.length}: ${reason}`);
    for (const test of tests) console.log(`  ${test}`);
  }
  for (const test of outcome.failed) console.log(`FAILED ${test}`);
  const skipped = outcome.skipped.reduce((sum, { tests }) => sum + tests.length, 0);
  // Vitest also fails for reasons that are no test's, such as an error thrown after the last one.
  const failed = vitestPassed ? outcome.failed.length : Math.max(1, outcome.failed.length);
  if (outcome.passed + failed === 0) console.log("no test ran");
  console.log(`${outcome.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || outcome.passed === 0 ? 1 : 0;
}

function readOutcome(report: string): Outcome {
  try {
    return JSON.parse(readFileSync(report, "utf8")) as Outcome;
  } catch {
    return { passed: 0, failed: ["vitest ended before it could say anything"], skipped: [] };
  }
}

function succeeds(script: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): boolean {
  const child = spawnSync(process.execPath, [join(ROOT, script), ...args], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  return child.status === 0;
}
