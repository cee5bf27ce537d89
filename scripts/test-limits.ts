// `pnpm test:limits`: limits at the size of real trouble: a tenant with 100 000 waiting beside two others, a rate over four hosts,
// and hosts that are killed while they hold places. Prints what it measured.
import { builds, runVitest } from "./run-vitest.ts";

const test = ["--project", "testing", "packages/testing/test/chaos/limits.test.ts"];
const environment = { MANYHANDS_LIMITS_WAITING: "100000", MANYHANDS_LIMITS_KILLS: "40", MANYHANDS_LIMITS_RATED: "400" };

process.exitCode = builds() && runVitest(test, { environment }) ? 0 : 1;
