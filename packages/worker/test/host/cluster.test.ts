import { connect } from "@manyhands/core";
import { Keys, openRedis, PoolRegistry, unlimitedPool } from "@manyhands/core/internal";
import { startRedisServer } from "@manyhands/core/redis-server";
import { testDistance, until, useCluster } from "@manyhands/testing";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
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

// The last test: it ends one of the nodes.
test("the failover of a master fails no call and no task: they wait for the one that takes over", async (ctx) => {
  if (testDistance() > 0) ctx.skip("a replica of the test stands beside the distance");
  // given
  const namespace = "failover";
  const master = await masterOf(`{${namespace}}/any`);
  const replica = await startReplica(master);
  await using host = await startWorker({ tasks: [TASKS], redis: cluster.config, namespace, slots: 2 });
  await using mp = await connect({ redis: cluster.config, namespace });
  const [queue, lock, dict] = [mp.queue("q"), mp.lock("l"), mp.manager("m").dict({}, { name: "d" })];
  const pool = mp.pool(2, { name: "p" });
  const round = async (number: number): Promise<unknown[]> => {
    await queue.put(number);
    const got = await queue.get();
    await lock.run(async () => dict.set("last", number));
    return [got, await dict.get("last"), await pool.apply("square", [number])];
  };
  expect(await round(1)).toEqual([1, 1, 1]);
  await until(async () => (await replica.info("replication")).includes("master_link_status:up"));
  // when: nothing takes over for longer than a client of a cluster would try by itself
  await replica.config("SET", "cluster-replica-no-failover", "yes");
  const { pid } = master;
  if (pid === null) return ctx.skip("the nodes are no processes of this machine");
  process.kill(pid, "SIGKILL");
  const during = round(2);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  await replica.call("CLUSTER", "FAILOVER", "TAKEOVER");
  // then
  expect(await during).toEqual([2, 2, 4]);
  expect(await round(3)).toEqual([3, 3, 9]);
  expect(await replica.info("replication")).toContain("role:master");
  expect(host.record().state).not.toBe("starting");
});

async function masterOf(key: string): Promise<(typeof cluster.servers)[number]> {
  for (const server of cluster.servers) {
    const node = new Redis(server.url);
    try {
      await node.get(key);
      return server;
    } catch {
      // MOVED: another one has it.
    } finally {
      node.disconnect();
    }
  }
  throw new Error("no node has the slot");
}

async function startReplica(master: { url: string; port: number }): Promise<Redis> {
  const { password } = cluster.config.options.redisOptions;
  const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--masterauth", password];
  const server = await startRedisServer({ password, appendOnly: false, extraArguments: settings });
  onTestFinished(() => server.stop());
  const [node, of] = [new Redis(server.url), new Redis(master.url)];
  onTestFinished(() => void [node, of].map((client) => client.disconnect()));
  of.on("error", () => {});
  const id = String(await of.call("CLUSTER", "MYID"));
  await node.call("CLUSTER", "MEET", "127.0.0.1", master.port);
  await until(() => node.call("CLUSTER", "REPLICATE", id).then(() => true), { what: "it is a replica" });
  await until(async () => String(await of.call("CLUSTER", "NODES")).includes(" slave "), { what: "it is known" });
  return node;
}
