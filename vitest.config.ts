import { defineConfig } from "vitest/config";

// One project a package. Their children run the packages as published, from dist: `pnpm test` builds first.
const project = (name: string): object => ({
  test: {
    name,
    include: [`packages/${name}/test/**/*.test.ts`],
    // Real Redis servers and real processes: generous, because only a hang should meet it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    projects: ["core", "worker", "dashboard", "cli", "testing"].map(project),
    // Each test file starts servers and children of its own, and waits for leases most of the time: four files keep two
    // processors busy, more only slow each other down.
    maxWorkers: 4,
  },
});
