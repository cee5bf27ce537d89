// `pnpm test:workflows [rounds]`: random small workflows while hosts are killed and Redis is restarted, 1 000 of them without a
// number. Each result must count once, no step be lost, and none start after a cancel. Ends with one line: "N passed, N
// failed".
import { builds, runVitest } from "./run-vitest.ts";

const rounds = process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? "1000";
const test = ["--project", "testing", "packages/testing/test/chaos/workflows.test.ts"];

process.exitCode = builds() && runVitest(test, { environment: { MANYHANDS_WORKFLOWS: rounds } }) ? 0 : 1;
