/** The commands of the workspace with what they do, in the order a newcomer meets them: `pnpm run help` prints this. */
export const COMMANDS: Readonly<Record<string, string>> = {
  help: "prints this table",
  demo: "gets a Redis, starts worker hosts and the dashboard, runs the demos and ends",
  example: "one demo by name: pnpm example pool-map; --list names them",
  test: "builds, gets what the tests need, runs all of them; pnpm test lock runs those whose file or name has it",
  "test:distance":
    "the tests of what talks to Redis with Redis 3, 10 and 40 ms away in each direction; pnpm test:distance 10 lock",
  dev: "the tests in watch mode",
  chaos: "the tests that kill, freeze and restart things, for minutes; MANYHANDS_SEED repeats a run",
  check: "format, lint, layers, types, unused code, docs, package shape; pnpm check lint runs one",
  fix: "repairs of all this what can repair itself: format, imports, simple lint",
  build: "compiles the packages into their dist folders",
  bench: "the benchmarks, or one of them: pnpm bench pool",
  redis: "the embedded Redis in the foreground; its URL is the first line",
};
