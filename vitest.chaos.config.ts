import { defineConfig } from "vitest/config";

// `pnpm chaos`: the tests that kill, freeze and restart things, with those that go on for minutes. One file at a time,
// because each wants all processors.
export default defineConfig({
  test: {
    include: [
      "packages/*/chaos/**/*.test.ts",
      "packages/*/test/chaos/**/*.test.ts",
      "packages/testing/test/conformance/large.test.ts",
    ],
    env: { MANYHANDS_LARGE_DICT: "1000000", MANYHANDS_KILL_CALLS: "5000" },
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
