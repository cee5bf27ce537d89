// `pnpm test:distance [distances] [words and vitest options]`: the tests of what talks to Redis, with every server so
// many milliseconds away in each direction, one distance after another: 3, 10 and 40 without numbers. Ends with one line
// for each: "N passed, N failed (D ms each way, N s)". A word is looked for in file names.
import { builds, runVitest } from "./run-vitest.ts";

const SUITES: readonly string[] = [
  "packages/testing/test/conformance",
  "packages/testing/test/chaos",
  "packages/worker/test",
  ...["work/pool", "work/process", "work/results", "work/submission", "session", "shared/sync"].map(
    (folder) => `packages/core/test/${folder}`,
  ),
];
/** A test takes its time in round trips. Only a hang should meet this, milliseconds at no distance. */
const TEST_TIMEOUT = 60_000;

const words = process.argv.slice(2).filter((word) => word !== "--");
const numbers = words.filter((word) => /^\d+(\.\d+)?$/.test(word)).map(Number);
const filters = words.filter((word) => !word.startsWith("-") && !/^\d+(\.\d+)?$/.test(word));
const options = words.filter((word) => word.startsWith("-"));
const distances = numbers.length > 0 ? numbers : [3, 10, 40];

process.exitCode = main();

function main(): number {
  if (!builds()) return 1;
  const passed = distances.map((distance) =>
    runVitest(
      [
        // The project "distance" has a distance of its own.
        ...["core", "worker", "testing"].flatMap((project) => ["--project", project]),
        `--testTimeout=${TEST_TIMEOUT + 4_000 * distance}`,
        ...(filters.length > 0 ? filters : SUITES),
        ...options,
      ],
      {
        environment: { MANYHANDS_TEST_DISTANCE: String(distance) },
        after: `${distance} ms each way`,
      },
    ),
  );
  return passed.every(Boolean) ? 0 : 1;
}
