import { connect } from "@manyhands/core";
import { Keys, ProcessRegistry, processQueue } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { PlacementQueues } from "../../src/processes/placement-queues.ts";

const redis = useRedis();

test("the queue of a host that is no more goes when no process waits there any more, at the second look", async () => {
  // given
  const namespace = redis.namespace();
  const keys = new Keys(namespace);
  const client = redis.client();
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close({ timeout: 0 }));
  const child = mp.process("never", { host: "nowhere" });
  await child.start();
  const queue = processQueue("nowhere");
  expect(await client.smembers(keys.processQueues)).toEqual([queue]);
  const logger = { info() {}, warn() {}, error() {} };
  const registry = new ProcessRegistry(client, keys);
  const queues = new PlacementQueues({ client, keys, registry, logger, own: [] });
  const left = () => client.keys(`{${namespace}}:${queue}:*`);

  // when it waits
  for (let look = 0; look < 3; look += 1) await queues.pass();
  expect(await left()).not.toEqual([]);

  // when it waits no longer
  await child.terminate();
  await queues.pass();
  expect(await left()).not.toEqual([]);
  await queues.pass();

  // then
  expect(await left()).toEqual([]);
  expect(await client.exists(keys.processQueues)).toBe(0);
  expect(child.exitcode).toBe(-15);
});
