import { useCluster } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { closeRedis, openRedis } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { lockPlace } from "../../../src/shared/sync/lock/lock-request.ts";
import { MainNode } from "../../../src/shared/sync/lock/main-node.ts";
import { Round } from "../../../src/shared/sync/lock/round.ts";

const cluster = useCluster();

test("F18: on a cluster, too, a release that is sent again after its node's connection broke was done the first time", async () => {
  const [client, other] = [1, 2].map(() => openRedis(cluster.config, { name: "test" }));
  if (!client || !other || !("nodes" in client)) throw new Error("no cluster");
  onTestFinished(async () => {
    await Promise.all([closeRedis(client), closeRedis(other)]);
  });
  const node = new MainNode({ client, session: "me", localTime: () => undefined });
  onTestFinished(() => node.close());
  const place = lockPlace(new Keys("node"), { kind: "lock", name: "echo", owner: "" });
  const token = "me:1";
  expect(await node.acquire(new Round(place), token, 30_000)).toBe(true);
  // What the first sending of the release does.
  await other.del(place.keys[0] ?? "");
  const releasing = node.release(new Round(place), token);
  for (const one of client.nodes()) (one as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  expect(await releasing).toBe(true);
});
