/** The commands of the workspace with what they do, in the order a newcomer meets them: `pnpm run help` prints this. */
export const COMMANDS: Readonly<Record<string, string>> = {
  help: "prints this table",
  demo: "starts a Redis, worker hosts and the dashboard, runs the demos, and exits",
  example: "runs one demo by name: pnpm example pool-map; --list lists them",
  test: "builds, installs what the tests need, and runs all tests; pnpm test lock runs those with this word in file or title",
  coverage: "runs the tests and reports which lines of the sources they ran; pnpm coverage lock as with pnpm test",
  "test:distance":
    "runs tests of code that talks to Redis, with Redis 3, 10 and 40 ms away; pnpm test:distance 10 lock",
  "test:recipes":
    "follows the pages of docs/recipes with the packages they name, on Node 22 and 24, for minutes; pnpm test:recipes next",
  "test:pages": "presses every button of the dashboard's pages in a browser, for minutes; pnpm test:pages objects",
  "test:limits":
    "kills hosts that hold places of limits; measures shares of tenants and the use of a rate, for minutes",
  "test:schedules":
    "kills and freezes hosts while schedules are due; compares cron with a calendar library in all time zones",
  "test:submitters": "stops 1 000 programs that submit, in every way; each task must run once and be found",
  "test:workflows":
    "runs 1 000 random workflows while hosts are killed and Redis is restarted; each result must count once",
  "test:dashboard-load":
    "opens the dashboard beside 1 000 pools, 500 hosts and 200 000 tasks, and prints what that costs",
  "test:day":
    "prints the log of a host through one day of trouble in half a minute, and checks it; pnpm test:day pretty is for people",
  dev: "runs the tests in watch mode, from the sources: no build is needed",
  chaos: "runs the tests that kill, freeze and restart processes, for minutes; MANYHANDS_SEED repeats a run",
  check: "checks format, lint, layers, Lua, types, unused code, docs and package shape; pnpm check lint runs one check",
  fix: "repairs what can be repaired automatically: format, imports, simple lint",
  build: "compiles the packages into their dist folders",
  bench: "runs the benchmarks, or one of them: pnpm bench pool; --compare shows it beside the recorded ratios",
  changeset: "asks what a change means for users, and records it for the next version",
  "version-packages": "makes that version: package versions and CHANGELOG.md; publishes nothing",
  docs: "makes the documentation site in site/dist; --serve also serves it on loopback, --base /path/ is its address",
  tarballs: "packs the packages as they would be published, and prints how to install them in another project",
  redis: "runs the embedded Redis in the foreground; prints its URL",
};
