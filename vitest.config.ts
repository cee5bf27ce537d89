import { defineConfig } from "vitest/config";

const project = (name: string) => ({
  test: {
    name,
    include: [`packages/${name}/test/**/*.test.ts`],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    projects: ["core", "worker", "dashboard", "cli", "testing"].map(project),
    maxWorkers: 2,
  },
});
