import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";
import { endWithParent } from "./end-with-parent.ts";
import { ROOT } from "./root.ts";

/** What `pnpm test` says at its end; written as JSON to the file named by MANYHANDS_TEST_OUTCOME. */
export interface Outcome {
  passed: number;
  passedTests: string[];
  /** One line each: failed tests, files and hooks that failed before their tests, and errors outside of any test. */
  failed: string[];
  /** Files with one of those, from the root of the repository. */
  failedFiles: string[];
  /** Errors outside of any test, which no file can be blamed for. */
  strayErrors: number;
  /** Failed in the first run, and not in the second. */
  unstable: string[];
  skipped: { reason: string; tests: string[] }[];
}

/** Counts a run for scripts/test.ts, and keeps why a test was skipped, which Vitest's JSON report leaves out. */
// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter by its default export.
export default class OutcomeReporter implements Reporter {
  onInit(): void {
    // A run that is killed takes its tests along: what they have started ends with them.
    endWithParent();
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const path = process.env["MANYHANDS_TEST_OUTCOME"];
    if (path !== undefined) writeFileSync(path, JSON.stringify(outcome(modules, errors)));
  }
}

function outcome(modules: readonly TestModule[], errors: readonly SerializedError[]): Outcome {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const byState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  return {
    passed: byState("passed").length,
    passedTests: byState("passed").map(title),
    failed: [
      ...byState("failed").map(title),
      ...suites.filter((suite) => suite.errors().length > 0).map((suite) => `${suite.type} ${titleOf(suite)}`),
      ...errors.map((error) => `outside of any test: ${error.message}`),
    ],
    failedFiles: modules.filter((module) => !module.ok()).map((module) => relative(ROOT, module.moduleId)),
    strayErrors: errors.length,
    unstable: [],
    skipped: grouped(byState("skipped")),
  };
}

function grouped(skipped: readonly TestCase[]): Outcome["skipped"] {
  const groups = new Map<string, string[]>();
  for (const test of skipped) {
    const result = test.result();
    const note = "note" in result ? result.note : undefined;
    // Without a note it is not one that this run chose to leave out: those have the name filter as their reason.
    if (note === undefined && nameFilterIsOn()) continue;
    const reason = note ?? "no reason given; a test says why with ctx.skip(reason)";
    groups.set(reason, [...(groups.get(reason) ?? []), title(test)]);
  }
  return [...groups].map(([reason, tests]) => ({ reason, tests }));
}

function nameFilterIsOn(): boolean {
  return process.argv.some((word) => word === "-t" || word.startsWith("--testNamePattern"));
}

function title(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function titleOf(suite: TestModule | { fullName: string; module: TestModule }): string {
  return "relativeModuleId" in suite ? suite.relativeModuleId : `${suite.module.relativeModuleId} > ${suite.fullName}`;
}
