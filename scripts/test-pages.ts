// `pnpm test:pages [words and vitest options]`: all tests of the dashboard's pages, which press every button in a browser beside
// real fleets, for minutes. `pnpm test` runs a part of them. With MANYHANDS_SCREENSHOTS they leave pictures in that folder.
// Ends with one line: "N passed, N failed".
import { builds, runVitest } from "./run-vitest.ts";

const words = process.argv.slice(2).filter((word) => word !== "--");
const filters = words.filter((word) => !word.startsWith("-"));
const files = filters.length > 0 ? filters.map((word) => `test/web/${word}`) : ["packages/dashboard/test/web"];
const options = words.filter((word) => word.startsWith("-"));

process.exitCode =
  builds() &&
  runVitest(["--project", "dashboard", ...files, ...options], { environment: { MANYHANDS_TEST_PAGES: "all" } })
    ? 0
    : 1;
