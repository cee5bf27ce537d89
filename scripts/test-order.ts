import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longest, as measured, the longest first: one that begins late adds its time to the end. Before those
 * that limit what happens after a kill come some that start many programs and limit nothing: while the image is built,
 * starting a program takes several times as long. The last one comes after a third of the run: by then there is an image.
 */
const FIRST = [
  "testing/test/docs.test.ts",
  "testing/test/package-shape.test.ts",
  "cli/test/local-servers.test.ts",
  "testing/test/chaos/queue.test.ts",
  "core/test/redis/server/private-copy.test.ts",
  "worker/test/host/resilience.test.ts",
  "testing/test/chaos/distance.test.ts",
  "testing/test/chaos/hosts.test.ts",
  "worker/test/host/pools.test.ts",
  "testing/test/conformance/process.test.ts",
  "worker/test/host/unready.test.ts",
  "testing/test/chaos/redis.test.ts",
  "worker/test/host/faults.test.ts",
  "testing/test/chaos/processes.test.ts",
  "cli/test/submit.test.ts",
  "testing/test/chaos/programs.test.ts",
  "testing/test/chaos/kill.test.ts",
  "dashboard/test/browser.test.ts",
  "testing/test/conformance/pool.test.ts",
  "testing/test/chaos/idle.test.ts",
  "cli/test/worker.test.ts",
  "cli/test/usage.test.ts",
  "cli/test/connections.test.ts",
  "cli/test/redis-fitness.test.ts",
  "testing/test/chaos/pipe.test.ts",
  "testing/test/chaos/cluster.test.ts",
  "worker/test/host/outcomes.test.ts",
  "testing/test/docker/docker.test.ts",
];

/**
 * The order of test files: those that take longest, then those of all packages side by side, from large to small. Tests
 * of the command line fill the processors, others wait for leases most of the time: beside one another they use what is
 * there better than one package after the other does.
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
      // Their workers go from one of them to the next.
      if (name === "units") return { file, rank: Number.POSITIVE_INFINITY };
      return { file, rank: first >= 0 ? first - FIRST.length : place / (counts.get(name)?.length ?? 1) };
    });
    return ranked.sort((left, right) => left.rank - right.rank).map(({ file }) => file);
  }
}
