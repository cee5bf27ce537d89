import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./root.ts";
import type { Outcome } from "./test-reporter.ts";

export interface RunOptions {
  environment?: NodeJS.ProcessEnv;
  /** Said beside the counts. */
  after?: string;
  /** Failed files are run once more, one at a time. */
  again?: boolean;
}

/** With more failed files than this none is run again: what failed is no matter of time. */
const MOST_AGAIN = 8;

/** Runs Vitest with these arguments and prints how it ended: "N passed, N failed" (", N skipped" may follow). */
export function runVitest(args: readonly string[], { environment = {}, after = "", again }: RunOptions = {}): boolean {
  const started = performance.now();
  const first = outcomeOf(args, environment);
  const outcome = again && canRunAgain(first) ? withSecondRun(first, environment) : first;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return printOutcome(outcome, after && `${after}, ${seconds} s`);
}

function canRunAgain({ failed, failedFiles, strayErrors }: Outcome): boolean {
  return failed.length > 0 && strayErrors === 0 && failedFiles.length > 0 && failedFiles.length <= MOST_AGAIN;
}

/**
 * Some thousand tests with real processes share two processors. A test that fails beside others and passes by itself is
 * counted as passed, and named as unstable: it is to be mended.
 */
function withSecondRun(first: Outcome, environment: NodeJS.ProcessEnv): Outcome {
  console.log(`\n${first.failed.length} failed beside other files, so their files run once more, one at a time`);
  const files = [...new Set(first.failedFiles)];
  const second = outcomeOf([...files, "--no-file-parallelism"], environment);
  // A hook that failed before them leaves tests out.
  const notRun = new Set(second.skipped.flatMap(({ tests }) => tests));
  const failed = [...second.failed, ...first.failed.filter((test) => notRun.has(test))];
  const unstable = first.failed.filter((test) => !failed.includes(test));
  return {
    ...first,
    passed: first.passed + unstable.filter((test) => second.passedTests.includes(test)).length,
    failed,
    strayErrors: second.strayErrors,
    unstable,
  };
}

function outcomeOf(args: readonly string[], environment: NodeJS.ProcessEnv): Outcome {
  const folder = mkdtempSync(join(tmpdir(), "manyhands-test-"));
  const report = join(folder, "outcome.json");
  // Each test removes its own folders. Those of a program that is killed, as some tests do, go with the run.
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  // A test works there as another user.
  for (const one of [folder, temporary]) chmodSync(one, 0o755);
  // Vitest colours what it writes into a log, too, when the log is continuous integration's.
  const colours = process.stdout.isTTY ? [] : ["--no-color"];
  const reporters = ["--reporter=default", `--reporter=${join(ROOT, "scripts/test-reporter.ts")}`];
  try {
    const passed = succeeds("node_modules/vitest/vitest.mjs", ["run", ...colours, ...reporters, ...args], {
      MANYHANDS_TEST_OUTCOME: report,
      MANYHANDS_TEST_CODE: "built",
      // Some thousand processes are started, of which most begin with the same modules.
      NODE_COMPILE_CACHE: join(folder, "compile-cache"),
      TMPDIR: temporary,
      ...environment,
    });
    return readOutcome(report, passed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds what the tests run. Where that fails no test runs, and the last line says so. */
export function builds(): boolean {
  if (succeeds("scripts/build.ts", [])) return true;
  console.log("the build failed, so no test ran\n0 passed, 1 failed");
  return false;
}

/** Runs a script of the workspace in a process of its own, and shows what it writes. */
export function succeeds(script: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): boolean {
  const child = spawnSync(process.execPath, [join(ROOT, script), ...args], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  return child.status === 0;
}

function printOutcome(outcome: Outcome, after: string): boolean {
  for (const { reason, tests } of outcome.skipped) {
    console.log(`SKIPPED ${tests.length}: ${reason}`);
    for (const test of tests) console.log(`  ${test}`);
  }
  for (const test of outcome.unstable) console.log(`UNSTABLE (failed beside other files, passed by itself) ${test}`);
  for (const test of outcome.failed) console.log(`FAILED ${test}`);
  const skipped = outcome.skipped.reduce((sum, { tests }) => sum + tests.length, 0);
  const failed = outcome.failed.length;
  if (outcome.passed + failed === 0) console.log("no test ran");
  const counts = `${outcome.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  console.log(after === "" ? counts : `${counts} (${after})`);
  return failed === 0 && outcome.passed > 0;
}

function readOutcome(report: string, vitestPassed: boolean): Outcome {
  const outcome = parsed(report);
  // Vitest also fails for reasons that are no test's, such as an error thrown after the last one.
  if (vitestPassed || outcome.failed.length > 0) return outcome;
  return { ...outcome, failed: ["vitest failed although no test did, see above"], strayErrors: 1 };
}

function parsed(report: string): Outcome {
  try {
    return JSON.parse(readFileSync(report, "utf8")) as Outcome;
  } catch {
    const failed = ["vitest ended before it could say anything"];
    return { passed: 0, passedTests: [], failed, failedFiles: [], strayErrors: 1, unstable: [], skipped: [] };
  }
}
