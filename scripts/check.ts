// `pnpm check [step ...]`: everything that can be said about the code without running its tests.
// All steps run even when one fails; what failed is printed at the end.
import { availableParallelism } from "node:os";
import { runSteps, type Step, type StepResult } from "./steps.ts";

const STEPS: readonly Step[] = [
  { name: "build", command: ["node", "scripts/build.ts"] },
  { name: "format and lint", command: ["biome", "check", "--error-on-warnings", "--max-diagnostics=200", "."] },
  { name: "layers", command: ["node", "scripts/check-layers.ts"] },
  { name: "lua", command: ["node", "--conditions=@manyhands/source", "scripts/check-lua.ts"] },
  // Built, because the commands are started by a file that imports what was built.
  { name: "unused code", command: ["knip", "--no-progress", "--treat-config-hints-as-errors"], needs: "build" },
  { name: "types of tests, examples, scripts", command: ["tsc", "-p", "tsconfig.tests.json"] },
  { name: "types of the web app", command: ["tsc", "-p", "packages/dashboard/web"] },
  { name: "words of the web app", command: ["node", "scripts/check-words.ts"] },
  { name: "docs", command: ["node", "scripts/check-docs.ts"], needs: "build" },
  { name: "package shape", command: ["node", "scripts/check-packages.ts"], needs: "build" },
];

const started = performance.now();
const results = await runSteps(selected(process.argv.slice(2)), {
  // One more than the cores: every step waits for the disk now and then.
  atOnce: availableParallelism() + 1,
  onEnd: printLine,
});
const failed = results.filter((result) => !result.passed);
for (const result of failed) console.log(`\n--- ${result.name} ---\n${result.output.trimEnd()}`);
console.log(
  `\n${results.length - failed.length} of ${results.length} steps passed in ${seconds(performance.now() - started)}`,
);
process.exitCode = failed.length > 0 ? 1 : 0;

/** The steps whose name contains one of the words, with what they need; all of them without words. */
function selected(words: readonly string[]): readonly Step[] {
  if (words.length === 0) return STEPS;
  const chosen = STEPS.filter((step) => words.some((word) => step.name.includes(word)));
  if (chosen.length === 0) {
    console.error(`no step is called ${words.join(", ")}; there are: ${STEPS.map((step) => step.name).join(", ")}`);
    process.exit(2);
  }
  return STEPS.filter((step) => chosen.includes(step) || chosen.some((other) => other.needs === step.name));
}

function printLine(result: StepResult): void {
  console.log(
    `${result.passed ? "ok  " : "FAIL"} ${result.name.padEnd(36)} ${seconds(result.milliseconds).padStart(7)}`,
  );
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
