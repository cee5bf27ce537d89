import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that are long for their size, the longest first, as measured: one that begins late adds its time to the end. */
const FIRST = [
  "testing/test/docker/docker.test.ts",
  "testing/test/chaos/hosts.test.ts",
  "testing/test/chaos/distance.test.ts",
  "testing/test/chaos/redis.test.ts",
  "testing/test/chaos/cluster.test.ts",
  "testing/test/chaos/idle.test.ts",
  "testing/test/chaos/kill.test.ts",
  "worker/test/sessions/reaper.test.ts",
  "worker/test/host/cluster.test.ts",
  "worker/test/host/watchdog.test.ts",
];

/**
 * The order of test files: those that are long for their size, then those of all packages side by side, from large to
 * small. Tests of the command line fill the processors, others wait for leases most of the time: beside one another they
 * use what is there better than one package after the other does.
 */
export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const counts = Map.groupBy(files, ({ project }) => project.name);
    const places = new Map<string, number>();
    const ranked = (await super.sort(files)).map((file) => {
      const { name } = file.project;
      const place = (places.get(name) ?? 0) + 1;
      places.set(name, place);
      const first = FIRST.findIndex((path) => file.moduleId.endsWith(`/packages/${path}`));
      return { file, rank: first >= 0 ? first - FIRST.length : place / (counts.get(name)?.length ?? 1) };
    });
    return ranked.sort((left, right) => left.rank - right.rank).map(({ file }) => file);
  }
}
