import { useCluster } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { closeRedis, openRedis } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { RedlockVoter } from "../../../src/shared/sync/lock/redlock-voter.ts";
import { lockPlace } from "../../../src/shared/sync/lock/voter.ts";

const cluster = useCluster();

test("F18: on a cluster, too, a release that is sent again after its node's connection broke was done the first time", async () => {
  const [client, other] = [1, 2].map(() => openRedis(cluster.config, { name: "test" }));
  if (!client || !other || !("nodes" in client)) throw new Error("no cluster");
  onTestFinished(async () => {
    await Promise.all([closeRedis(client), closeRedis(other)]);
  });
  const voter = new RedlockVoter({ client, session: "me", localTime: () => undefined });
  onTestFinished(() => voter.close());
  const place = lockPlace(new Keys("voter"), { kind: "lock", name: "echo", owner: "" });
  const { vote } = await voter.acquire({ place, lease: 30_000, waiter: null, label: "", from: null });
  // What the first sending of the release does.
  await other.del(place.keys[0] ?? "");
  const releasing = voter.release(place, vote?.token ?? "");
  for (const node of client.nodes()) (node as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  expect(await releasing).toBe(true);
});
