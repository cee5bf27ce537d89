// The order of the site: every page of docs/ has one place here, which `pnpm check docs` holds us to.

/** A heading of the sidebar with its pages. */
export interface NavigationGroup {
  title: string;
  /** Paths in the repository. A page is called by its own heading, unless a name is given with it. */
  pages: readonly (string | NamedPage)[];
  /** Closed until the reader opens it. */
  collapsed?: boolean;
}

export interface NamedPage {
  page: string;
  name: string;
}

/** What the site shows first; on GitHub it is the page of the folder docs/. */
export const HOME = "docs/README.md";

export const NAVIGATION: readonly NavigationGroup[] = [
  {
    title: "Getting started",
    pages: [
      { page: HOME, name: "I want to …" },
      { page: "README.md", name: "What is manyhands?" },
      "docs/getting-started.md",
      { page: "docs/python-map.md", name: "From Python" },
      { page: "docs/migration.md", name: "From BullMQ, Celery, Ray, Sidekiq" },
      "docs/demos.md",
    ],
  },
  {
    title: "How to",
    pages: [
      { page: "docs/how-to-retries.md", name: "Retry, and run twice safely" },
      { page: "docs/how-to-long-tasks.md", name: "Run long tasks" },
      "docs/background-jobs.md",
      "docs/schedules.md",
      "docs/workflows.md",
      { page: "docs/how-to-progress.md", name: "Report progress" },
      { page: "docs/how-to-test.md", name: "Test your tasks" },
      { page: "docs/how-to-monitor.md", name: "Monitor" },
      { page: "docs/recipes/scripts.md", name: "Scripts and cron jobs" },
      { page: "docs/recipes/fastify.md", name: "Fastify" },
      { page: "docs/recipes/nextjs.md", name: "Next.js" },
      { page: "docs/recipes/nestjs.md", name: "NestJS" },
      { page: "docs/recipes/dashboard.md", name: "The dashboard in your server" },
      { page: "docs/recipes/commonjs.md", name: "CommonJS" },
      { page: "docs/recipes/typescript.md", name: "tsx and tsc" },
      { page: "docs/recipes/bundlers.md", name: "Bundlers" },
      { page: "docs/recipes/testing.md", name: "Test your tasks" },
      { page: "docs/deployment.md", name: "Deploy" },
      { page: "docs/how-to-hosted-redis.md", name: "Use a hosted Redis" },
      { page: "docs/finding-tasks.md", name: "Find and change many tasks" },
      { page: "docs/inspection.md", name: "Look and steer from a program" },
      "docs/dashboard.md",
      "docs/json-api.md",
      { page: "docs/top.md", name: "The live view in a terminal" },
      "docs/troubleshooting.md",
    ],
  },
  {
    title: "Concepts: work",
    pages: [
      "docs/tasks.md",
      "docs/pools.md",
      "docs/processes.md",
      "docs/workers.md",
      "docs/limits.md",
      "docs/states.md",
    ],
  },
  {
    title: "Concepts: shared objects",
    pages: [
      { page: "docs/shared-objects.md", name: "How they live" },
      "docs/waiting.md",
      "docs/locks.md",
      "docs/rlocks.md",
      "docs/read-write-locks.md",
      "docs/quorum-locks.md",
      "docs/semaphores.md",
      "docs/rate-limiters.md",
      "docs/conditions.md",
      "docs/events.md",
      "docs/barriers.md",
      "docs/queues.md",
      "docs/pipes.md",
      "docs/managers.md",
    ],
  },
  {
    title: "Reference",
    pages: [
      "docs/guarantees.md",
      "docs/errors.md",
      "docs/command-line.md",
      "docs/wire-protocol.md",
      "docs/redis-keys.md",
      "docs/benchmarks.md",
    ],
  },
  {
    title: "Decisions",
    collapsed: true,
    pages: [
      "docs/decisions/README.md",
      "docs/decisions/bullmq-worker.md",
      "docs/decisions/envelopes.md",
      "docs/decisions/redlock.md",
      "docs/decisions/lua-in-typescript.md",
      "docs/decisions/lua-check.md",
      "docs/decisions/one-fetcher.md",
      "docs/decisions/assigned-jobs.md",
      "docs/decisions/routing.md",
      "docs/decisions/shared-duties.md",
      "docs/decisions/workflows.md",
      "docs/decisions/schedules.md",
      "docs/decisions/limits.md",
      "docs/decisions/adding-in-bulk.md",
      "docs/decisions/task-index.md",
      "docs/decisions/readable-jobs.md",
      "docs/decisions/rollups.md",
      "docs/decisions/traces.md",
      "docs/decisions/codec.md",
      "docs/decisions/bundles.md",
      "docs/decisions/source-condition.md",
      "docs/decisions/test-host.md",
      "docs/decisions/internal-members.md",
      "docs/decisions/host-log.md",
      "docs/decisions/terminal-drawing.md",
      "docs/decisions/dashboard-server.md",
      "docs/decisions/dashboard-web-app.md",
      "docs/decisions/live-dashboard.md",
      "docs/decisions/json-api.md",
      "docs/decisions/toolchain.md",
      "docs/decisions/documentation-site.md",
      "docs/decisions/plots.md",
    ],
  },
  {
    title: "Project",
    collapsed: true,
    pages: [
      "ARCHITECTURE.md",
      "packages/core/src/session/README.md",
      "CONTRIBUTING.md",
      ".changeset/README.md",
      "CHANGELOG.md",
      "SECURITY.md",
    ],
  },
];

export function navigationPages(): NamedPage[] {
  return NAVIGATION.flatMap((group) => group.pages).map((one) =>
    typeof one === "string" ? { page: one, name: "" } : one,
  );
}
