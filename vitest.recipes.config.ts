import { defineConfig } from "vitest/config";

// `pnpm test:recipes`: the pages of docs/recipes as they are written, with the frameworks and bundlers that they name.
// One after another, because installing and building wants all processors.
export default defineConfig({
  test: {
    include: ["packages/testing/recipes/**/*.test.ts"],
    // Installing and building, on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
