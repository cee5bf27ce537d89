// `pnpm test:schedules [seconds]`: five hosts that are killed and frozen at random while schedules are due, for 300 s without a
// number; then cron expressions in all time zones around each change of their clocks from 1975 to 2040, compared with another
// calendar library. Ends with two lines: "N passed, N failed".
import { builds, runVitest } from "./run-vitest.ts";

const seconds = process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? "300";
const chaos = ["--project", "testing", "packages/testing/test/chaos/schedules.test.ts"];
// By its path alone: the file may be in any project of the tests.
const cron = ["packages/core/test/work/schedules/cron.test.ts", "--testNamePattern", "calendar library"];

const isWell =
  builds() &&
  [
    runVitest(chaos, { environment: { MANYHANDS_SCHEDULES: seconds } }),
    runVitest(cron, { environment: { MANYHANDS_CRON_YEARS: "1975-2040" } }),
  ].every((passed) => passed);
process.exitCode = isWell ? 0 : 1;
