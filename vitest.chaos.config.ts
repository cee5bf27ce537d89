import { defineConfig } from "vitest/config";

// `pnpm chaos`: the tests that kill, freeze and restart things at random, for minutes. One file at a time, because
// each wants all processors.
export default defineConfig({
  test: {
    include: ["packages/*/chaos/**/*.test.ts"],
    passWithNoTests: false,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});
