import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Children run the packages as published, from dist: `pnpm test` builds first. They would also run from the sources of the
// host, and take three times as long to start; in watch mode they do, because nothing is built there.
const builtChildren = {
  find: /^\.\/child-arguments\.ts$/,
  replacement: fileURLToPath(new URL("packages/worker/test/executor/built-child-arguments.ts", import.meta.url)),
};
const resolve = { alias: process.argv.includes("run") ? [builtChildren] : [] };

// One project a package.
const project = (name: string): object => ({
  resolve,
  test: {
    name,
    include: [`packages/${name}/test/**/*.test.ts`],
    // Real Redis servers and real processes: generous, because only a hang should meet it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

// The rules of each primitive, a pool and processes once more, with Redis 3 ms away in each direction: a decision that is
// acted on after an await holds on loopback by luck. `pnpm test:distance` runs all of this at several distances.
const distance = {
  resolve,
  test: {
    name: "distance",
    include: [
      "packages/testing/test/conformance/{lock,rlock,read-write-lock,semaphore,condition,event,barrier,queue,pipe,dict,wait}.test.ts",
      "packages/testing/test/conformance/count-down-latch.test.ts",
      "packages/core/test/work/pool/pool.test.ts",
      "packages/worker/test/host/outcomes.test.ts",
    ],
    env: { MANYHANDS_TEST_DISTANCE: "3", MANYHANDS_TEST_WORLDS: "1" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

export default defineConfig({
  test: {
    projects: [...["core", "worker", "dashboard", "cli", "testing"].map(project), distance],
    // Each test file starts servers and children of its own, and waits for leases most of the time: four files use two
    // processors to three quarters. A fifth one makes none of them end sooner.
    maxWorkers: 4,
  },
});
