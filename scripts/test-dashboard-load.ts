// `pnpm test:dashboard-load [pools,hosts,tasks]`: the dashboard beside a large fleet, 1 000 pools, 500 hosts and 200 000 waiting
// tasks without numbers. Prints the size of answers, what it costs Redis, and how fast and smooth pages are.
import { builds, runVitest } from "./run-vitest.ts";

const sizes = process.argv.slice(2).find((word) => /^\d+(,\d+)*$/.test(word)) ?? "1000,500,200000";
const test = ["--project", "dashboard", "packages/dashboard/test/web/load.test.ts"];

process.exitCode =
  builds() && runVitest(test, { environment: { MANYHANDS_LOAD: sizes, MANYHANDS_TEST_PAGES: "all" } }) ? 0 : 1;
