import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { TestOrder } from "./scripts/test-order.ts";

const SOURCE = "@manyhands/source";
const runsSources = process.env["MANYHANDS_TEST_CODE"] !== "built";

// Without a build between: what the tests import, and each process and thread that they start, runs the sources. `pnpm
// test` has built the packages and says so, because children start in half the time from a few files:
// docs/decisions/source-condition.md. The executors that a test of the worker imports are sources in both cases.
const builtChildren = {
  find: /^\.\/child-arguments\.ts$/,
  replacement: fileURLToPath(new URL("packages/worker/test/executor/built-child-arguments.ts", import.meta.url)),
};
const resolution = runsSources
  ? { ssr: { resolve: { conditions: [SOURCE] } } }
  : { resolve: { alias: [builtChildren] } };
const env = runsSources ? sourceEnvironment() : {};
// Node loads what is built as it does for users, from what it has compiled once; Vitest would take it apart in each file.
const builtPackages = { server: { deps: { external: runsSources ? [] : [/\/packages\/\w+\/dist\//] } } };

function sourceEnvironment(): Record<string, string> {
  const options = [process.env["NODE_OPTIONS"], `--conditions=${SOURCE}`].join(" ").trim();
  // What Node has compiled once, types stripped, it reads the next time: that halves the start of a child.
  const cache = process.env["NODE_COMPILE_CACHE"] ?? fileURLToPath(new URL(".cache/compiled", import.meta.url));
  return { NODE_OPTIONS: options, NODE_COMPILE_CACHE: cache };
}

// Tests that press every button of every page in a browser take minutes: `pnpm test:pages` runs all of them, and `pnpm test`
// the others.
const PAGES = ["fleet", "load", "objects", "overview", "pictures", "steward", "task", "tasks", "workflows"];
const runsAllPages = process.env["MANYHANDS_TEST_PAGES"] === "all";

// Vitest's own is 1 s, which a machine that is busy with other files misses.
const expectation = { poll: { timeout: 90_000 } };

// Tests without a server, a process or anything else that one file could leave to the next: they share workers, because
// starting one takes longer than most of them.
const UNITS = [
  "packages/core/test/{errors,tasks,wire/codec,work/submission}/**/*.test.ts",
  "packages/core/test/inspection/objects/{deadlocks,wait-graph}.test.ts",
  "packages/core/test/work/pool/{async-result,chunk-size,imap-iterator,pool-options}.test.ts",
  "packages/core/test/work/schedules/cron.test.ts",
  "packages/core/test/work/results/ticket.test.ts",
  "packages/core/test/work/workflows/canvas.test.ts",
];
const units = {
  ...resolution,
  test: { name: "units", env, include: UNITS, isolate: false, testTimeout: 300_000, ...builtPackages },
};

// One project a package.
const project = (name: string): object => ({
  ...resolution,
  test: {
    name,
    env,
    ...builtPackages,
    include: [`packages/${name}/test/**/*.test.ts`],
    exclude: [...UNITS, ...(runsAllPages ? [] : PAGES.map((page) => `packages/dashboard/test/web/${page}.test.ts`))],
    // Real Redis servers and real processes: generous, because only a hang should meet it.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: expectation,
  },
});

// The rules of each primitive, a pool and processes once more, with Redis 3 ms away in each direction: a decision that is
// acted on after an await holds on loopback by luck. `pnpm test:distance` runs all of this at several distances.
const distance = {
  ...resolution,
  test: {
    name: "distance",
    include: [
      "packages/testing/test/conformance/{lock,rlock,read-write-lock,semaphore,condition,event,barrier,queue,pipe,dict,wait}.test.ts",
      "packages/testing/test/conformance/count-down-latch.test.ts",
      "packages/core/test/work/pool/pool.test.ts",
      "packages/worker/test/host/outcomes.test.ts",
    ],
    env: { ...env, MANYHANDS_TEST_DISTANCE: "3", MANYHANDS_TEST_WORLDS: "1" },
    ...builtPackages,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: expectation,
  },
};

export default defineConfig({
  test: {
    projects: [...["core", "worker", "dashboard", "cli", "testing"].map(project), distance, units],
    // Each test file starts servers and children of its own, and waits for leases most of the time: four files use two
    // processors to three quarters. A fifth one makes none of them end sooner.
    maxWorkers: 4,
    sequence: { sequencer: TestOrder },
    // `pnpm coverage`; CONTRIBUTING.md says what is counted.
    coverage: {
      provider: "v8",
      autoAttachSubprocess: true,
      // A failed test is no reason to know less.
      reportOnFailure: true,
      include: ["packages/{core,worker,dashboard,cli}/src/**/*.ts"],
      reporter: ["text-summary", "html", "json-summary"],
      reportsDirectory: ".cache/coverage",
    },
  },
});
