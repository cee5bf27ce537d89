import { Keys, openRedis, PoolRegistry, unlimitedPool } from "@manyhands/core/internal";
import { until, useCluster } from "@manyhands/testing";
import { Queue } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { startWorker } from "../../src/index.ts";
import { TASKS } from "./namespace.ts";

const cluster = useCluster();

test("a host serves a namespace in a Redis Cluster, with several pools and several calls in a job", async () => {
  // given
  const keys = new Keys("clustered");
  const client = openRedis(cluster.config, { name: "test" });
  onTestFinished(() => client.disconnect());
  const host = await startWorker({ tasks: [TASKS], redis: cluster.config, namespace: "clustered", slots: 2 });
  onTestFinished(() => host.stop({ grace: 0 }));
  await new PoolRegistry(client, keys).create({ ...unlimitedPool("second"), size: 1 });
  for (const pool of ["default", "second"]) {
    const queue = new Queue(pool, { connection: client as never, prefix: keys.queuePrefix });
    // when
    const job = await queue.add("square", { args: [9], client: "me" });
    // then
    await until(async () => (await queue.getJobState(job.id ?? "")) === "completed");
    expect((await queue.getJob(job.id ?? ""))?.returnvalue).toMatchObject({ value: 81, hostId: host.id });
  }
  expect(await client.xlen(keys.replies("me"))).toBe(2);
});
