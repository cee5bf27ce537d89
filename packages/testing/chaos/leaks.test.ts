import { connect } from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "../test/chaos/chaos-host.ts";
import * as tasks from "../test/chaos/fixtures/chaos-tasks.ts";

const redis = useRedis();

/** Memory in megabytes. */
interface Footprint {
  keys: number;
  redis: number;
  host: number;
  program: number;
  connections: number;
}

test("80 000 calls and 400 pools: neither the program, nor the host, nor Redis grows with their number", async () => {
  const namespace = redis.namespace();
  await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 4 });
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
  const client = redis.client();
  const pool = mp.pool(4);
  const work = async (): Promise<void> => {
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all(Array.from({ length: 950 }, (_, x) => pool.applyAsync(tasks.fill, [x % 200])));
      await Promise.all(Array.from({ length: 50 }, (_, x) => pool.apply(tasks.fill, [x], { attempts: 2 })));
    }
    for (let count = 0; count < 100; count += 1) {
      await using short = mp.pool(1);
      await short.apply(tasks.fill, [1]);
    }
  };
  const measure = async (): Promise<Footprint> => {
    globalThis.gc?.();
    const [host] = await mp.hosts();
    const memory = /used_memory:(\d+)/.exec(await client.info("memory"))?.[1];
    return {
      keys: await client.dbsize(),
      redis: Number(memory) / 1e6,
      host: (host?.memory ?? 0) / 1e6,
      program: process.memoryUsage().heapUsed / 1e6,
      connections: Number(/connected_clients:(\d+)/.exec(await client.info("clients"))?.[1]),
    };
  };
  const rounds: Footprint[] = [];
  for (let round = 0; round < 4; round += 1) {
    await work();
    rounds.push(await measure());
  }
  console.table(rounds);
  const [, early, , late] = rounds as [Footprint, Footprint, Footprint, Footprint];
  expect(late.keys - early.keys).toBeLessThan(500);
  expect(late.connections).toBeLessThanOrEqual(early.connections + 1);
  expect(late.redis - early.redis).toBeLessThan(10);
  // Heaps take some rounds to settle (nine rounds: 242 MB after the second, 312 after the eighth and the ninth).
  expect(late.host - early.host).toBeLessThan(100);
  expect(late.program - early.program).toBeLessThan(60);
}, 300_000);
