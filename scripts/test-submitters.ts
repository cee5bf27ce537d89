// `pnpm test:submitters [rounds]`: programs that submit and are stopped in every way, at every moment, 1 000 of them without a
// number. Each of their tasks must run once, and be found by its id from another program. Ends with one line: "N passed, N
// failed".
import { builds, runVitest } from "./run-vitest.ts";

const rounds = process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? "1000";
const test = [
  "--project",
  "testing",
  "packages/testing/test/chaos/programs.test.ts",
  "--testNamePattern",
  "a submitter that is stopped",
];

process.exitCode = builds() && runVitest(test, { environment: { MANYHANDS_SUBMITTERS: rounds } }) ? 0 : 1;
